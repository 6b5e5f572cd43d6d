-- What the lanes told above the reader's positions, the oldest first.
-- $1 lanes integer[]
-- $2 seen_us bigint[]
-- $3 row_limit integer
-- returns rows
SELECT c.lane, c.at_us, c.keys, c.requests
FROM (SELECT unnest($1) AS lane, unnest($2) AS seen_us) AS reader
CROSS JOIN LATERAL (
  SELECT own.lane, own.at_us, own.keys, own.requests FROM lane_change AS own
  WHERE own.lane = reader.lane AND own.at_us > reader.seen_us ORDER BY own.at_us LIMIT $3
) AS c
ORDER BY c.at_us LIMIT $3;
