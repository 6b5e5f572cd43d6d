-- One call to the outside.
-- $1 id uuid
-- $2 send_age_us bigint
-- returns 0..1 row
SELECT e.id, e.key, e.subject, e.correlation_id, e.lane, e.request, e.state, e.attempts, e.caused_at_us, e.last_status,
  e.last_answer, e.open AND (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + c.offset_us - e.caused_at_us > $2 AS old
FROM effect e, clock c WHERE e.id = $1;
