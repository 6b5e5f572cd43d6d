-- What happened to an escrow, in order.
-- $1 escrow_id uuid
-- $2 after_seq bigint
-- $3 row_limit integer
-- returns rows
SELECT seq, type, state, amount_minor, milestone, note, actor_kind, actor_id, at_us
FROM escrow_timeline WHERE escrow_id = $1 AND seq > $2 ORDER BY seq LIMIT $3;
