-- Legs that are not settled, by what they are and how old: of an index of what is open alone, for as long as one is not
-- settled its payment has an open moment or an open call, or its messages are put aside. Ages are as decisions see them.
-- $1 hour_us bigint
-- returns rows
WITH waiting AS (
  SELECT key FROM timer WHERE open UNION SELECT key FROM effect WHERE open UNION SELECT key FROM parked_key
), aged AS (
  SELECT l.kind, l.state, now_us() + c.offset_us - l.created_at_us AS age_us
  FROM waiting w JOIN leg l ON l.escrow_id = w.key CROSS JOIN clock c WHERE l.state IN (1, 2)
)
SELECT kind, state,
  CASE WHEN age_us < $1 THEN 0 WHEN age_us < 24 * $1 THEN 1 WHEN age_us < 168 * $1 THEN 2 ELSE 3 END AS age,
  count(*) AS legs
FROM aged GROUP BY 1, 2, 3
