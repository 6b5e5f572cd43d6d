-- Reconciliations, the newest first: the last ones, or one.
-- $1 only_n bigint
-- $2 row_limit integer
-- returns rows
SELECT n, kind, state, from_us, to_us, asked_by, epoch, done_at_us, line_count, found_count, healed_count, open_count
FROM reconciliation WHERE $1 = 0 OR n = $1 ORDER BY n DESC LIMIT $2
