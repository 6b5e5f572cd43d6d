-- What legs moved that were settled within a time, a page by their ids.
-- $1 from_us bigint
-- $2 to_us bigint
-- $3 after_id uuid
-- $4 row_limit integer
-- returns rows
SELECT leg_id, escrow_id, currency, moved_minor FROM settled_leg
WHERE taken_at_us >= $1 AND taken_at_us < $2 AND leg_id > $3 ORDER BY leg_id LIMIT $4
