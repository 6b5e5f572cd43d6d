-- The sealer's row, locked, so that one process seals at a time. None: another one does, or it is not time yet.
-- $1 period_us bigint
-- returns 0..1 row
SELECT last_n, last_hash, now_us() AS now_us FROM sealer WHERE now_us() >= looked_at_us + $1 FOR UPDATE SKIP LOCKED
