-- One record in quarantine.
-- $1 topic text
-- $2 lane integer
-- $3 kafka_offset bigint
-- returns 0..1 row
SELECT n, reason, at_us, octet_length(value) AS value_bytes,
  encode(substring(key FROM 1 FOR 4096), 'hex') AS key, encode(substring(value FROM 1 FOR 4096), 'hex') AS value
FROM quarantine WHERE topic = $1 AND lane = $2 AND kafka_offset = $3;
