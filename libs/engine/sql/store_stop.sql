-- $1 lane integer
-- $2 epoch bigint
-- $3 reason text
-- returns nothing
UPDATE lane SET stopped = $3 WHERE p = $1 AND epoch = $2
