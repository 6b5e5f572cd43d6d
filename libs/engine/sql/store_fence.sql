-- The lanes of these epochs are ours: lock them, and read a clock that is ahead of every batch of theirs before.
-- A lane whose epoch moved while the lock was waited for is left out. Sandbox time is added where it is wanted; elsewhere
-- its table is not even read.
-- $1 lanes integer[]
-- $2 epochs bigint[]
-- $3 sandbox boolean
-- returns rows
SELECT l.p, greatest(now_us() + s.added_us, l.last_at_us + 1) AS now_us, s.added_us AS sandbox_us, now_us() AS wall_us
FROM (SELECT CASE WHEN $3 THEN (SELECT offset_us FROM clock) ELSE 0 END AS added_us) s CROSS JOIN lane l
  JOIN (SELECT unnest($1) AS p, unnest($2) AS epoch) mine ON l.p = mine.p AND l.epoch = mine.epoch
WHERE l.p = ANY($1) AND l.stopped = ''
ORDER BY l.p FOR UPDATE OF l
