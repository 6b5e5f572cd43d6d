-- These bytes are about to be stored for this command; a row when there is room for one more upload of the account to the deal. Whoever
-- removes them waits for us, or we for him.
-- $1 command_id uuid
-- $2 content bytea
-- $3 account uuid
-- $4 escrow_id uuid
-- $5 uploads_max integer
-- $6 kept_s integer
-- returns 0..1 row
WITH locked AS (
  SELECT pg_advisory_xact_lock(hashtextextended(encode($2, 'hex'), 0)) AS lock
)
INSERT INTO evidence_upload (command_id, content, account, escrow_id, stored_at)
SELECT $1, $2, $3, $4, now() FROM locked
WHERE (SELECT count(*) FROM evidence_upload o WHERE o.account = $3 AND o.escrow_id = $4 AND (o.command_id, o.content) <> ($1, $2)
  AND o.stored_at > now() - make_interval(secs => $6)) < $5
ON CONFLICT (command_id, content) DO UPDATE SET stored_at = EXCLUDED.stored_at
RETURNING 1 AS stored;
