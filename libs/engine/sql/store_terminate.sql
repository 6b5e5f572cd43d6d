-- Ends the session that a dead owner (or our own lost connection) may still have, and with it the locks that it
-- holds on the lane. Waits for its end at most a second; the lock timeout answers if it takes longer.
-- Only a session of the same role and application: process numbers are used again.
-- Who is dead: as in store_view.sql.
-- $1 lane integer
-- $2 epoch bigint
-- $3 me uuid
-- returns rows
SELECT pg_terminate_backend(a.pid, 1000) AS ended
FROM lane l LEFT JOIN owner o ON o.id = l.owner
JOIN pg_stat_activity a ON a.pid = l.pid OR a.pid = o.pid
WHERE l.p = $1 AND l.epoch = $2 AND (l.owner = $3 OR coalesce(o.lease_until_us - now_us() NOT BETWEEN 1 AND 600000000, true))
  AND a.pid <> pg_backend_pid() AND a.datname = current_database() AND a.usename = current_user
  AND a.application_name = current_setting('application_name')
