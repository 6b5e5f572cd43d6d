-- What the last seal says of an escrow.
-- $1 id uuid
-- returns 0..1 row
SELECT id, seq, head, prev_seal_n, leaf_index, path, seal_n, sealed_at_us, leaf_count, seal_prev, seal_root, key_id, signature
FROM escrow_proof WHERE id = $1;
