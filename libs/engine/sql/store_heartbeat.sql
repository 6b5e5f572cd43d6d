-- $1 owner uuid
-- $2 lease_us bigint
-- returns nothing
INSERT INTO owner (id, pid, lease_until_us, started_at_us) VALUES ($1, pg_backend_pid(), now_us() + $2, now_us())
ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, lease_until_us = excluded.lease_until_us
