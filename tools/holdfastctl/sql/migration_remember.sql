-- Remembers the migration that migration_name told; sent behind its text, in the same transaction.
-- Harmless for one that dbmate wrote down already.
-- returns nothing
WITH applied AS (
  INSERT INTO schema_migrations (version) VALUES (current_setting('holdfast.version')) ON CONFLICT DO NOTHING
)
INSERT INTO migration_file (version, name, sha256)
VALUES (current_setting('holdfast.version'), current_setting('holdfast.name'),
  decode(current_setting('holdfast.sha256'), 'hex'));
