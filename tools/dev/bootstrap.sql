-- Roles, schemas and grants of one database. Run by the superuser in the database `holdfast`, as often as one likes.
-- psql variable: services, a comma separated list. Passwords are set by the caller.
--
-- holdfast_owner      owns the schemas and all in them; migrations run as it; no service has its password.
-- holdfast_<service>  one for each service, at home in the schema of the same name and nowhere else. Tables get the four
--                     ordinary grants when they are made; `holdfastctl migrate up` takes away what must never happen
--                     (the ledger).
-- holdfast_verifier   reads everything, so that balances can be recomputed by somebody who cannot change them.
-- holdfast_operator   holdfastctl: reads everything; what it may write (admin_request, api_token, lane.stopped, clock) is granted
--                     by `holdfastctl migrate up`, whenever it has run (tools/holdfastctl/sql/grant_service.sql).

SET client_min_messages = warning;
SELECT set_config('holdfast.services', :'services', false) \g /dev/null

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY array['holdfast_owner', 'holdfast_verifier', 'holdfast_operator'] ||
        ARRAY(SELECT 'holdfast_' || s FROM unnest(string_to_array(current_setting('holdfast.services'), ',')) AS s)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', role_name);
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON DATABASE holdfast FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, CREATE ON DATABASE holdfast TO holdfast_owner;
GRANT CONNECT ON DATABASE holdfast TO holdfast_verifier, holdfast_operator;
GRANT pg_read_all_data TO holdfast_verifier, holdfast_operator;
ALTER ROLE holdfast_verifier SET default_transaction_read_only = on;

DO $$
DECLARE
    service text;
    role_name text;
BEGIN
    FOREACH service IN ARRAY string_to_array(current_setting('holdfast.services'), ',')
    LOOP
        role_name := 'holdfast_' || service;
        EXECUTE format('GRANT CONNECT ON DATABASE holdfast TO %I', role_name);
        EXECUTE format('ALTER ROLE %I IN DATABASE holdfast SET search_path = %I', role_name, service);
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION holdfast_owner', service);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', service, role_name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE holdfast_owner IN SCHEMA %I '
            'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', service, role_name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE holdfast_owner IN SCHEMA %I '
            'GRANT USAGE, SELECT ON SEQUENCES TO %I', service, role_name);
    END LOOP;
END
$$;
