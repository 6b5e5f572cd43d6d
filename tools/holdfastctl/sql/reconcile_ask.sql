-- Leaves a wish to compare our books with the provider's, of the last hours.
-- $1 hours bigint
-- $2 asked_by text
-- returns 1 row
INSERT INTO reconciliation (kind, from_us, to_us, asked_by)
SELECT 3, greatest(s - $1 * 3600, 0) * 1000000, (s + 1) * 1000000, CASE $2 WHEN '' THEN current_user::text ELSE $2 END
FROM (SELECT floor(extract(epoch FROM clock_timestamp()))::bigint AS s) now
RETURNING n
