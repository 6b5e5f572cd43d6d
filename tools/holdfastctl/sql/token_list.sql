-- All tokens, the newest first.
-- $1 row_limit integer
-- returns rows
SELECT encode(hash, 'hex') AS hash, kind, account_id, label, is_signed,
  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at,
  CASE WHEN expires_at = 'infinity' THEN '' ELSE to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END AS expires_at,
  coalesce(to_char(revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '') AS revoked_at
FROM api_token ORDER BY api_token.created_at DESC, hash LIMIT $1;
