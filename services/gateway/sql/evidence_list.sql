-- What the two showed in a deal's disputes, in order.
-- $1 escrow_id uuid
-- $2 row_limit integer
-- returns rows
SELECT escrow_id, seq, dispute, submitted_by, content, type, size_bytes, description, at_us
FROM escrow_evidence WHERE escrow_id = $1 ORDER BY seq LIMIT $2;
