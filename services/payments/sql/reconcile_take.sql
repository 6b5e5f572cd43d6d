-- Begins the first reconciliation that is not done, unless somebody is at it.
-- $1 lease_us bigint
-- returns 0..1 row
UPDATE reconciliation SET state = 2, epoch = epoch + 1, lease_until_us = now_us() + $1
WHERE n = (SELECT min(n) FROM reconciliation WHERE state < 3) AND state < 3 AND lease_until_us < now_us()
RETURNING n, epoch, from_us, to_us
