-- The lanes and their owners. Who is alive: as in the engine's store_view.sql.
-- returns rows
SELECT l.p, l.epoch, l.owner, l.clean, l.stopped, l.last_at_us, l.pid,
  coalesce(o.lease_until_us - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint BETWEEN 1 AND 600000000, false) AS alive
FROM lane l LEFT JOIN owner o ON o.id = l.owner ORDER BY l.p;
