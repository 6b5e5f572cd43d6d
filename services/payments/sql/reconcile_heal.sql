-- What differed before and does not now.
-- $1 n bigint
-- returns nothing
UPDATE reconciliation_break SET state = 2, last_n = $1 WHERE state = 1 AND last_n <> $1
