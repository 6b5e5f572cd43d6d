-- The lanes of these epochs are ours: lock them, and read a clock that no lane has seen ahead of.
-- A lane whose epoch moved while the lock was waited for is left out.
-- $1 lanes integer[]
-- $2 epochs bigint[]
-- returns rows
SELECT l.p, greatest(now_us(), l.last_at_us) AS now_us
FROM lane l JOIN (SELECT unnest($1) AS p, unnest($2) AS epoch) mine ON l.p = mine.p AND l.epoch = mine.epoch
WHERE l.p = ANY($1) AND l.stopped = ''
ORDER BY l.p FOR UPDATE OF l
