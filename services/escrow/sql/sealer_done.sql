-- Remembers the last seal; and that all is sealed, unless a lane has more events, and none to decide again.
-- $1 last_n bigint
-- $2 last_hash bytea
-- $3 topic text
-- returns 1 row
UPDATE sealer s SET last_n = $1, last_hash = $2, looked_at_us = CASE WHEN more.lanes > 0 THEN s.looked_at_us ELSE now_us() END
FROM (SELECT count(*) AS lanes FROM sealer_position p JOIN lane_out o ON o.lane = p.lane AND o.topic = $3
  WHERE o.next_n - 1 > p.n AND NOT EXISTS (SELECT FROM restored r WHERE r.lane = p.lane AND r.open)) more
RETURNING more.lanes
