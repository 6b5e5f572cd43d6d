-- Takes up the next events of each lane, and gives the escrows whose heads are not sealed as they are now. The events, how far they go
-- and the heads are all of one moment. After a restore a lane's records are there before what they tell is decided again: its heads
-- are sealed when all of it is.
-- $1 topic text
-- $2 topic_number smallint
-- $3 row_limit bigint
-- returns rows
WITH reach AS (
  SELECT p.lane, p.n AS after_n, least(o.next_n - 1, p.n + $3) AS upto_n
  FROM sealer_position p JOIN lane_out o ON o.lane = p.lane AND o.topic = $1 WHERE o.next_n - 1 > p.n
  AND NOT EXISTS (SELECT FROM restored r WHERE r.lane = p.lane AND r.open)
), moved AS (
  UPDATE sealer_position p SET n = r.upto_n FROM reach r WHERE p.lane = r.lane
), changed AS (
  SELECT DISTINCT b.aggregateid AS id FROM reach r
  JOIN outbox b ON b.lane = r.lane AND b.topic = $2 AND b.n > r.after_n AND b.n <= r.upto_n
)
SELECT e.id, e.seq, e.chain_head, coalesce(l.seal_n, 0) AS prev_seal_n, coalesce(l.seq, 0) AS prev_seq
FROM changed c JOIN escrow e ON e.id = c.id
LEFT JOIN LATERAL (SELECT s.seal_n, s.seq FROM seal_leaf s WHERE s.escrow_id = e.id ORDER BY s.seal_n DESC LIMIT 1) l ON true
WHERE l.seq IS NULL OR l.seq < e.seq ORDER BY e.id
