-- $1 lanes integer[]
-- $2 now_us bigint
-- returns nothing
UPDATE lane SET last_at_us = greatest(last_at_us, $2) WHERE p = ANY($1)
