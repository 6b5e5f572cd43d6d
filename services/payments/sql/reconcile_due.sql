-- Leaves a row for each reconciliation that is due. Its lines are those since the time before, and a while before that;
-- of a daily one those of some days.
-- $1 hourly_us bigint
-- $2 daily_us bigint
-- $3 lag_us bigint
-- $4 overlap_us bigint
-- $5 days_us bigint
-- returns nothing
WITH due AS (
  UPDATE reconciler r SET before_us = r.to_us, to_us = n.now_us
  FROM (SELECT now_us() - $3 AS now_us) n
  WHERE r.to_us + CASE r.kind WHEN 1 THEN $1 ELSE $2 END <= n.now_us
  RETURNING r.kind, CASE r.kind WHEN 1 THEN r.before_us - $4 ELSE r.to_us - $5 END AS from_us, r.to_us
)
INSERT INTO reconciliation (kind, from_us, to_us)
SELECT kind, greatest(from_us - from_us % 1000000, 0), to_us - to_us % 1000000 FROM due ORDER BY kind
