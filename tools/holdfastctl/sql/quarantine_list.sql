-- Records without a readable key, the newest first.
-- $1 row_limit integer
-- returns rows
SELECT topic, lane, kafka_offset, n, reason, at_us, octet_length(value) AS value_bytes
FROM quarantine ORDER BY at_us DESC, topic, lane, kafka_offset LIMIT $1;
