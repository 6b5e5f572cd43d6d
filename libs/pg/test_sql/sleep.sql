-- Takes its time, in milliseconds.
-- $1 ms bigint
-- returns 1 row
SELECT pg_sleep($1 / 1000.0)::text AS done
