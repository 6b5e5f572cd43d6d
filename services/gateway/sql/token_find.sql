-- Whose token it is. One that expired or was revoked is no token.
-- $1 hash bytea
-- returns 0..1 row
SELECT kind, account_id FROM api_token
WHERE hash = $1 AND expires_at > now() AND revoked_at IS NULL;
