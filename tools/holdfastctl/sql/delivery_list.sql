-- What people were told, the newest first; of one deal, of one user, or of all.
-- $1 escrow_id uuid
-- $2 user_id uuid
-- $3 row_limit integer
-- returns rows
SELECT d.user_id, d.escrow_id, d.seq, d.notice, d.role, d.state, d.open, replace(d.content, chr(10), ' / ') AS content,
  CASE WHEN d.state = 1 THEN coalesce(e.last_answer, '') ELSE d.code END AS code, r.discord_id, d.message_ref, d.happened_at_us, d.updated_at_us
FROM delivery d
JOIN recipient r ON r.user_id = d.user_id
LEFT JOIN LATERAL (SELECT last_answer FROM effect WHERE key = d.user_id AND open LIMIT 1) e ON true
WHERE ($1 = '00000000-0000-0000-0000-000000000000' OR d.escrow_id = $1)
  AND ($2 = '00000000-0000-0000-0000-000000000000' OR d.user_id = $2)
ORDER BY d.created_at_us DESC, d.n DESC LIMIT $3;
