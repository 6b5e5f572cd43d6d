-- One event of the provider, and how often it was asked for again.
-- $1 provider text
-- $2 event_id text
-- returns 0..1 row
SELECT w.id, w.event_type, w.disposition, w.received_at_us, w.body,
  coalesce(i.key, '00000000-0000-0000-0000-000000000000') AS escrow_id, coalesce(i.open, false) AS open,
  coalesce(i.outcome_code, '') AS code,
  (SELECT count(*) FROM admin_request a WHERE a.key = w.id AND a.kind = 5 AND NOT a.open AND a.result = 'done') AS replays
FROM webhook w LEFT JOIN intake i ON i.id = w.id WHERE w.provider = $1 AND w.event_id = $2;
