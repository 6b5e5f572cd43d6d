-- The messages that wait behind a key, in their order.
-- $1 key uuid
-- $2 row_limit integer
-- returns rows
SELECT seq, source, lane, kafka_offset, n, timer_kind, timer_generation, verdict, http_status, message_id, at_us, octet_length(value) AS value_bytes,
  encode(substring(value FROM 1 FOR 4096), 'hex') AS value
FROM parked_message WHERE key = $1 ORDER BY seq LIMIT $2;
