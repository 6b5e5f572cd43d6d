-- Where our books and the provider's differ, the oldest first, with the deal of the leg and the lines it is about.
-- $1 no_leg uuid
-- $2 row_limit integer
-- returns rows
SELECT b.id, b.cause, b.leg_id, coalesce(l.escrow_id, $1) AS escrow_id, b.expected_minor, b.expected_currency, b.found_minor,
  b.found_currency, b.found_at_us, coalesce((SELECT string_agg(x.id, ' ' ORDER BY x.at_us, x.id) FROM balance_line x
    WHERE x.id = b.line_id OR (b.line_id = '' AND x.leg_id = b.leg_id AND x.leg_id <> $1)), '') AS lines
FROM reconciliation_break b LEFT JOIN leg l ON l.id = b.leg_id
WHERE b.state = 1 ORDER BY b.found_at_us, b.id LIMIT $2
