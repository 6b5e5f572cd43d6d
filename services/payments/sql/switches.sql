-- How each switch stands: as the last that was done says; but off from when that is asked for.
-- $1 kind_off smallint
-- $2 kind_on smallint
-- returns rows
SELECT DISTINCT ON (topic) topic AS name, kind = $1 AS off FROM admin_request
WHERE kind IN (8, 9) AND kind IN ($1, $2) AND CASE WHEN open THEN kind = $1 ELSE result = 'done' END
ORDER BY topic, open DESC, done_at_us DESC, created_at_us DESC
