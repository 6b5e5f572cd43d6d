-- Adds what was transferred in these escrows' transitions, from the last one that is sealed to the one that is sealed
-- now, to the totals of the accounts.
-- $1 ids uuid[]
-- $2 above_seqs bigint[]
-- $3 upto_seqs bigint[]
-- returns nothing
WITH moved AS (
  SELECT t.debit, t.credit, t.currency, t.amount_minor
  FROM unnest($1, $2, $3) AS s (id, above_seq, upto_seq)
  JOIN transfer t ON t.escrow_id = s.id AND t.seq > s.above_seq AND t.seq <= s.upto_seq
), sides AS (
  SELECT debit AS account, currency, amount_minor AS debit_minor, 0 AS credit_minor FROM moved
  UNION ALL SELECT credit, currency, 0, amount_minor FROM moved
)
INSERT INTO ledger_total AS l (account, currency, debit_minor, credit_minor)
SELECT account, currency, sum(debit_minor)::bigint, sum(credit_minor)::bigint FROM sides GROUP BY account, currency
ON CONFLICT (account, currency) DO UPDATE
SET debit_minor = l.debit_minor + excluded.debit_minor, credit_minor = l.credit_minor + excluded.credit_minor
