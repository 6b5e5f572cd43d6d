-- What was asked of the rails' switches, the newest first.
-- $1 kind_off smallint
-- $2 kind_on smallint
-- $3 row_limit integer
-- returns rows
SELECT topic AS rail, kind = $1 AS off, requested_by, approved_by, reason, created_at_us, done_at_us, result
FROM admin_request WHERE kind IN (8, 9) AND kind IN ($1, $2) ORDER BY created_at_us DESC, id LIMIT $3
