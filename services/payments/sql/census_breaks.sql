-- Where our books and the provider's differ, by cause; as cause 0 how long ago they were compared.
-- returns rows
SELECT cause, count(*) AS breaks, 0::bigint AS age_us FROM reconciliation_break WHERE state = 1 GROUP BY cause
UNION ALL SELECT 0, 0, now_us() - coalesce((SELECT to_us FROM reconciliation WHERE state = 3 ORDER BY n DESC LIMIT 1),
  (SELECT min(before_us) FROM reconciler))
