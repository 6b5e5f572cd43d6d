-- Wakes whoever listens, when this transaction commits; and forgets what these lanes told long ago. The moment is
-- asked for once, in a subquery: asked row by row it could not be a condition of the index.
-- $1 channel text
-- $2 lanes integer[]
-- $3 kept_us bigint
-- returns rows
WITH forgotten AS (DELETE FROM lane_change WHERE lane = ANY($2) AND at_us < (SELECT now_us() - $3))
SELECT pg_notify($1, '') IS NULL AS told
