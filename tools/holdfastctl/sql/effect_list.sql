-- Calls to the outside that are not settled, the oldest first: all, or those that are too old to be sent.
-- $1 old_only boolean
-- $2 send_age_us bigint
-- $3 row_limit integer
-- returns rows
SELECT e.id, e.key, e.lane, e.request, e.state, e.attempts, e.caused_at_us, e.last_status, e.last_answer,
  (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + c.offset_us - e.caused_at_us > $2 AS old
FROM effect e, clock c
WHERE e.open AND (NOT $1 OR (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + c.offset_us - e.caused_at_us > $2)
ORDER BY e.caused_at_us, e.id LIMIT $3;
