-- What the ledger says that each operation of these deals moved: to the provider's account above zero.
-- $1 escrow_ids uuid[]
-- $2 provider_account smallint
-- returns rows
SELECT leg_id, currency, sum(CASE debit WHEN $2 THEN amount_minor ELSE -amount_minor END)::bigint AS moved_minor
FROM transfer WHERE escrow_id = ANY ($1) AND $2 IN (debit, credit) GROUP BY leg_id, currency
