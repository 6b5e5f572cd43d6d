-- The fence of each step: no row when somebody else has begun this reconciliation anew.
-- $1 n bigint
-- $2 epoch bigint
-- $3 lease_us bigint
-- returns 0..1 row
UPDATE reconciliation SET lease_until_us = now_us() + $3 WHERE n = $1 AND epoch = $2 AND state = 2 RETURNING n
