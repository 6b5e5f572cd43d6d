-- All lanes, and who is alive by this database's clock.
-- returns rows
SELECT l.p, l.epoch, l.owner, l.clean, l.stopped <> '' AS stopped, l.last_at_us,
  coalesce(o.lease_until_us > now_us(), false) AS owner_alive,
  (SELECT count(*) FROM owner WHERE lease_until_us > now_us()) AS owners_alive
FROM lane l LEFT JOIN owner o ON o.id = l.owner ORDER BY l.p
