-- Keys whose messages wait, the oldest first.
-- $1 row_limit integer
-- returns rows
SELECT k.key, k.lane, k.reason, k.missing, k.since_us,
  (SELECT count(*) FROM parked_message m WHERE m.key = k.key) AS messages
FROM parked_key k ORDER BY k.since_us, k.key LIMIT $1;
