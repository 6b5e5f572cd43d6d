-- Forgets an upload, unless it was begun again meanwhile or its command is open; and whether its bytes are named by nothing else: no other upload, no evidence.
-- $1 command_id uuid
-- $2 content bytea
-- $3 kept_s integer
-- returns 0..1 row
WITH forgotten AS (
  DELETE FROM evidence_upload u WHERE u.command_id = $1 AND u.content = $2 AND u.stored_at < now() - make_interval(secs => $3)
    AND NOT EXISTS (SELECT FROM intake i WHERE i.id = u.command_id AND i.open)
  RETURNING u.content
)
SELECT NOT EXISTS (SELECT FROM evidence_upload o WHERE o.content = f.content AND o.command_id <> $1)
  AND NOT EXISTS (SELECT FROM escrow_evidence e WHERE e.content = f.content) AS is_unneeded
FROM forgotten f;
