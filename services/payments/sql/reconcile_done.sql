-- The end of a reconciliation, with what came of it.
-- $1 n bigint
-- $2 epoch bigint
-- returns 1 row
UPDATE reconciliation r SET state = 3, done_at_us = now_us(), lease_until_us = 0,
  line_count = (SELECT count(*) FROM balance_line WHERE at_us >= r.from_us AND at_us < r.to_us AND seen_n = r.n),
  found_count = (SELECT count(*) FROM reconciliation_break WHERE state = 1 AND found_n = r.n),
  healed_count = (SELECT count(*) FROM reconciliation_break WHERE state = 2 AND last_n = r.n),
  open_count = (SELECT count(*) FROM reconciliation_break WHERE state = 1)
WHERE n = $1 AND epoch = $2 RETURNING line_count, found_count, healed_count, open_count
