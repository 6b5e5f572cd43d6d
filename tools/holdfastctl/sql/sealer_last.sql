-- What the sealer goes on from.
-- returns 1 row
SELECT last_n, last_hash FROM sealer
