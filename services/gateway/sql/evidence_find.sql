-- The first piece of evidence of a deal that is these bytes.
-- $1 escrow_id uuid
-- $2 content bytea
-- returns 0..1 row
SELECT escrow_id, seq, dispute, submitted_by, content, type, size_bytes, description, at_us
FROM escrow_evidence WHERE escrow_id = $1 AND content = $2 ORDER BY seq LIMIT 1;
