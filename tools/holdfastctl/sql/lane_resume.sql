-- Lets a stopped lane be claimed again. A stopped lane has no owner, so nobody else writes the row.
-- $1 lane integer
-- returns 0..1 row
UPDATE lane SET stopped = '' WHERE p = $1 AND stopped <> '' RETURNING p;
