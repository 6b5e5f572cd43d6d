-- What the service's role may do in its schema, and what the operator's may leave there. Tables whose
-- history must not change (those with the trigger function refuse_change) are only read and added to.
-- returns nothing
DO '
DECLARE
  service text := current_setting(''holdfast.service'');
  role_name text := ''holdfast_'' || service;
  tab regclass;
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
    EXECUTE format(''GRANT USAGE ON SCHEMA %I TO %I'', service, role_name);
    EXECUTE format(''GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I'', service, role_name);
    EXECUTE format(''GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO %I'', service, role_name);
    EXECUTE format(''GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO %I'', service, role_name);
    EXECUTE format(''REVOKE INSERT, UPDATE, DELETE ON schema_migrations, migration_file FROM %I'', role_name);
    FOR tab IN
      SELECT DISTINCT t.tgrelid::regclass FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
      WHERE p.proname = ''refuse_change'' AND p.pronamespace = to_regnamespace(quote_ident(service))
    LOOP
      EXECUTE format(''REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM %I'', tab, role_name);
    END LOOP;
    EXECUTE format(''REVOKE INSERT, UPDATE, DELETE ON clock FROM %I'', role_name);
    IF to_regclass(''api_token'') IS NOT NULL THEN
      EXECUTE format(''REVOKE INSERT, UPDATE, DELETE ON api_token FROM %I'', role_name);
    END IF;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = ''holdfast_operator'') THEN
    EXECUTE format(''GRANT USAGE ON SCHEMA %I TO holdfast_operator'', service);
    EXECUTE format(''GRANT SELECT ON ALL TABLES IN SCHEMA %I TO holdfast_operator'', service);
    GRANT INSERT ON admin_request TO holdfast_operator;
    GRANT UPDATE (stopped) ON lane TO holdfast_operator;
    GRANT UPDATE (offset_us) ON clock TO holdfast_operator;
    IF to_regclass(''reconciliation'') IS NOT NULL THEN
      GRANT INSERT (kind, from_us, to_us, asked_by) ON reconciliation TO holdfast_operator;
    END IF;
    IF to_regclass(''api_token'') IS NOT NULL THEN
      GRANT INSERT, UPDATE ON api_token TO holdfast_operator;
    END IF;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = ''holdfast_verifier'') THEN
    EXECUTE format(''GRANT USAGE ON SCHEMA %I TO holdfast_verifier'', service);
    EXECUTE format(''GRANT SELECT ON ALL TABLES IN SCHEMA %I TO holdfast_verifier'', service);
  END IF;
END';
