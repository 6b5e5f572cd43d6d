-- What was applied. One that dbmate applied has no hash (empty).
-- returns rows
SELECT m.version::text AS version, coalesce(f.sha256, '\x') AS sha256
FROM schema_migrations m LEFT JOIN migration_file f ON f.version = m.version
ORDER BY m.version;
