-- Compares what legs must have moved with the lines of the provider, and notes where they differ. Compared are legs that
-- were not matched yet, those with lines of this time, and whatever differed before. A leg may have several lines (a
-- refund, and the same sum back): together they are what it moved. Causes: 1 missing at the provider, 2 missing with
-- us, 3 amount, 4 fee, 5 currency.
-- $1 n bigint
-- $2 from_us bigint
-- $3 to_us bigint
-- $4 fee_basis_points bigint
-- $5 fee_fixed_minor bigint
-- $6 no_leg uuid
-- returns nothing
WITH open AS (
  SELECT leg_id, line_id FROM reconciliation_break WHERE state = 1
), scope AS (
  SELECT leg_id FROM settled_leg WHERE NOT matched AND taken_at_us <= $3
  UNION SELECT leg_id FROM balance_line WHERE at_us >= $2 AND at_us < $3 AND leg_id <> $6
  UNION SELECT leg_id FROM open WHERE leg_id <> $6
), judged AS (
  SELECT s.leg_id, coalesce(t.moved_minor, 0) AS moved_minor, coalesce(t.currency, '') AS currency,
    t.leg_id IS NOT NULL AS settled, count(l.id) AS lines,
    coalesce(sum(l.amount_minor), 0)::bigint AS found_minor, coalesce(max(l.currency), '') AS found_currency,
    coalesce(bool_or(l.currency <> t.currency), false) AS foreign_money
  FROM scope s LEFT JOIN settled_leg t ON t.leg_id = s.leg_id
  LEFT JOIN balance_line l ON l.leg_id = s.leg_id AND l.leg_id <> $6 AND NOT l.gone
  GROUP BY s.leg_id, t.leg_id, t.moved_minor, t.currency
), differ AS (
  SELECT CASE WHEN NOT settled THEN 2 WHEN lines = 0 THEN 1 WHEN foreign_money THEN 5 ELSE 3 END AS cause,
    leg_id, '' AS line_id, moved_minor, currency, found_minor, found_currency
  FROM judged WHERE CASE WHEN NOT settled THEN found_minor <> 0 WHEN lines = 0 THEN moved_minor <> 0
    ELSE foreign_money OR found_minor <> moved_minor END
  UNION ALL
  SELECT 4, l.leg_id, l.id, 0, l.currency, l.fee_minor, l.currency
  FROM scope s JOIN balance_line l ON l.leg_id = s.leg_id AND l.leg_id <> $6 AND NOT l.gone
  WHERE l.net_minor <> l.amount_minor - l.fee_minor OR CASE WHEN l.type IN ('charge', 'payment')
    THEN l.fee_minor NOT BETWEEN 0 AND l.amount_minor * $4 / 10000 + $5 ELSE l.fee_minor <> 0 END
  UNION ALL
  SELECT 2, l.leg_id, l.id, 0, '', l.amount_minor, l.currency
  FROM balance_line l WHERE l.leg_id = $6 AND NOT l.gone
  AND ((l.at_us >= $2 AND l.at_us < $3) OR l.id IN (SELECT line_id FROM open))
  -- What the account does by itself, with money that is ours already.
  AND l.type NOT IN ('payout', 'payout_cancel', 'payout_failure', 'stripe_fee', 'stripe_fx_fee', 'tax_fee',
    'network_cost', 'topup', 'topup_reversal', 'reserve_transaction', 'reserved_funds')
)
INSERT INTO reconciliation_break AS b (cause, state, leg_id, line_id, expected_minor, expected_currency, found_minor,
  found_currency, found_n, last_n, found_at_us)
SELECT cause, 1, leg_id, line_id, moved_minor, currency, found_minor, found_currency, $1, $1, now_us() FROM differ
ON CONFLICT (cause, leg_id, line_id) DO UPDATE SET state = 1, expected_minor = excluded.expected_minor,
  expected_currency = excluded.expected_currency, found_minor = excluded.found_minor,
  found_currency = excluded.found_currency, last_n = excluded.last_n,
  found_n = CASE b.state WHEN 1 THEN b.found_n ELSE excluded.found_n END,
  found_at_us = CASE b.state WHEN 1 THEN b.found_at_us ELSE excluded.found_at_us END
