-- Who is alive: as in store_view.sql.
-- $1 lane integer
-- $2 epoch bigint
-- $3 me uuid
-- $4 nobody uuid
-- returns 0..1 row
UPDATE lane l SET epoch = epoch + 1, owner = $3, pid = pg_backend_pid(), clean = false
WHERE p = $1 AND epoch = $2 AND stopped = ''
  AND (owner = $4 OR owner = $3
    OR NOT EXISTS (SELECT FROM owner o WHERE o.id = l.owner AND o.lease_until_us - now_us() BETWEEN 1 AND 600000000))
RETURNING epoch
