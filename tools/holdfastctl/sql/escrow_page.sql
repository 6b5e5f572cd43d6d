-- The next escrows by id, for going through all of them.
-- $1 after_id uuid
-- $2 row_limit integer
-- returns rows
SELECT id FROM escrow WHERE id > $1 ORDER BY id LIMIT $2;
