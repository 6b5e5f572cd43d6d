-- Takes up what payments published next, lane by lane, and notes what the legs of those payments must have moved at the
-- provider by now. A lane that another process is at is left to it. After a restore a lane's records are there before
-- what they tell is decided again: its legs are taken when all of it is.
-- $1 topic text
-- $2 topic_number smallint
-- $3 row_limit bigint
-- $4 currencies text[]
-- returns nothing
WITH reach AS (
  SELECT p.lane, p.n AS after_n, least(o.next_n - 1, p.n + $3) AS upto_n
  FROM (SELECT lane, n FROM settled_position FOR UPDATE SKIP LOCKED) p
  JOIN lane_out o ON o.lane = p.lane AND o.topic = $1 WHERE o.next_n - 1 > p.n
  AND NOT EXISTS (SELECT FROM restored r WHERE r.lane = p.lane AND r.open)
), moved AS (
  UPDATE settled_position p SET n = r.upto_n FROM reach r WHERE p.lane = r.lane
), changed AS (
  SELECT DISTINCT b.aggregateid AS id FROM reach r
  JOIN outbox b ON b.lane = r.lane AND b.topic = $2 AND b.n > r.after_n AND b.n <= r.upto_n
)
INSERT INTO settled_leg AS s (leg_id, escrow_id, kind, currency, moved_minor, taken_at_us, matched)
SELECT l.id, l.escrow_id, l.kind, CASE WHEN l.kind = 1 THEN l.received_currency ELSE $4[l.currency] END,
  CASE WHEN l.state <> 3 THEN 0 WHEN l.kind = 1 THEN l.received_minor ELSE -l.amount_minor END, now_us(), false
FROM changed c JOIN leg l ON l.escrow_id = c.id
WHERE l.state = 3 OR (l.state = 4 AND EXISTS (SELECT FROM settled_leg k WHERE k.leg_id = l.id))
ON CONFLICT (leg_id) DO UPDATE SET moved_minor = excluded.moved_minor, taken_at_us = excluded.taken_at_us, matched = false
WHERE s.moved_minor <> excluded.moved_minor
