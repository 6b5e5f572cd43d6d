-- Keeps lines of the provider's books as they are told now.
-- $1 n bigint
-- $2 ids text[]
-- $3 types text[]
-- $4 sources text[]
-- $5 leg_ids uuid[]
-- $6 currencies text[]
-- $7 amounts bigint[]
-- $8 fees bigint[]
-- $9 nets bigint[]
-- $10 ats bigint[]
-- returns nothing
INSERT INTO balance_line (id, type, source, leg_id, currency, amount_minor, fee_minor, net_minor, at_us, seen_n, gone)
SELECT id, type, source, leg_id, currency, amount, fee, net, at_us, $1, false
FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10)
  AS t (id, type, source, leg_id, currency, amount, fee, net, at_us)
ON CONFLICT (id) DO UPDATE SET type = excluded.type, source = excluded.source, leg_id = excluded.leg_id,
  currency = excluded.currency, amount_minor = excluded.amount_minor, fee_minor = excluded.fee_minor,
  net_minor = excluded.net_minor, at_us = excluded.at_us, seen_n = excluded.seen_n, gone = false
