-- Tells the session which migration comes next, for migration_remember.
-- $1 version text
-- $2 name text
-- $3 sha256_hex text
-- returns 1 row
SELECT set_config('holdfast.version', $1, false) = $1 AND set_config('holdfast.name', $2, false) = $2
  AND set_config('holdfast.sha256', $3, false) = $3 AS told;
