-- Sandbox time is so far ahead, or further if it was.
-- $1 offset_us bigint
-- returns 1 row
UPDATE clock SET offset_us = greatest(offset_us, $1) RETURNING offset_us, now_us() + offset_us AS now_us;
