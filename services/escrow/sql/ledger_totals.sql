-- How much went through each account.
-- $1 row_limit integer
-- returns rows
SELECT account, currency, debit_minor, credit_minor FROM ledger_total ORDER BY account, currency LIMIT $1
