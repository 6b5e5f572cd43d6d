-- $1 lane integer
-- $2 epoch bigint
-- $3 clean boolean
-- $4 nobody uuid
-- returns nothing
UPDATE lane SET owner = $4, pid = 0, clean = $3 WHERE p = $1 AND epoch = $2
