-- Whether this schema was ever migrated.
-- returns 1 row
SELECT to_regclass('schema_migrations') IS NOT NULL
  AND to_regclass('migration_file') IS NOT NULL AS present;
