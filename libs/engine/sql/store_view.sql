-- All lanes, who is alive by this database's clock, and what decisions would call now. A lease that has more than ten minutes
-- left was given before the clock was set back: its owner renews it soon, or is dead.
-- $1 sandbox boolean
-- returns rows
SELECT l.p, l.epoch, l.owner, l.clean, l.stopped <> '' AS stopped, l.last_at_us,
  coalesce(o.lease_until_us - now_us() BETWEEN 1 AND 600000000, false) AS owner_alive,
  (SELECT count(*) FROM owner WHERE lease_until_us - now_us() BETWEEN 1 AND 600000000) AS owners_alive,
  now_us() + s.added_us AS now_us, s.added_us AS sandbox_us
FROM (SELECT CASE WHEN $1 THEN (SELECT offset_us FROM clock) ELSE 0 END AS added_us) s CROSS JOIN lane l LEFT JOIN owner o ON o.id = l.owner ORDER BY l.p
