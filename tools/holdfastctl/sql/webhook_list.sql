-- What the provider told, the newest first: of one deal, of all, or what no deal took.
-- $1 escrow_id uuid
-- $2 unmatched_only boolean
-- $3 row_limit integer
-- returns rows
SELECT w.event_id, w.event_type, w.disposition, w.received_at_us, octet_length(w.body)::bigint AS bytes,
  coalesce(i.key, '00000000-0000-0000-0000-000000000000') AS escrow_id, coalesce(i.open, false) AS open,
  coalesce(i.outcome_code, '') AS code
FROM webhook w LEFT JOIN intake i ON i.id = w.id
WHERE ($1 = '00000000-0000-0000-0000-000000000000' OR i.key = $1) AND (NOT $2 OR w.disposition = 3)
ORDER BY w.received_at_us DESC, w.id LIMIT $3;
