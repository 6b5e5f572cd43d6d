-- Lanes that a restore is about: stopped because the log holds more, or deciding again what it holds; how much was taken
-- back, how much of it is not decided again yet, and whose messages wait for their turn or for a person.
-- returns rows
SELECT l.p, l.stopped, coalesce(r.taken, 0) AS taken, coalesce(r.open, 0) AS open,
  coalesce(k.waiting, 0) AS waiting, coalesce(k.flagged, 0) AS flagged,
  EXISTS (SELECT FROM lane_restore s WHERE s.lane = l.p) AS deciding
FROM lane l
LEFT JOIN (SELECT lane, count(*) AS taken, count(*) FILTER (WHERE open) AS open FROM restored GROUP BY lane) r ON r.lane = l.p
LEFT JOIN (SELECT lane, count(*) FILTER (WHERE reason = 'engine.restoring') AS waiting,
    count(*) FILTER (WHERE reason IN ('engine.restore_differs', 'engine.restore_stuck')) AS flagged
  FROM parked_key GROUP BY lane) k ON k.lane = l.p
ORDER BY l.p;
