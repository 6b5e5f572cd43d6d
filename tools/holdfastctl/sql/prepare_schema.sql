-- Makes the schema (named by the session setting holdfast.service) and the two tables of migrations
-- in it. schema_migrations is dbmate's; migration_file remembers what the file was.
-- returns nothing
DO '
BEGIN
  IF to_regnamespace(quote_ident(current_setting(''holdfast.service''))) IS NULL THEN
    EXECUTE format(''CREATE SCHEMA %I'', current_setting(''holdfast.service''));
  END IF;
  IF to_regclass(''schema_migrations'') IS NULL THEN
    CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
  END IF;
  IF to_regclass(''migration_file'') IS NULL THEN
    CREATE TABLE migration_file (
      version varchar PRIMARY KEY,
      name text NOT NULL,
      sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
      applied_at timestamptz NOT NULL DEFAULT now()
    );
  END IF;
END';
