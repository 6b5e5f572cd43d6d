-- Whose token it is, whether its requests must be signed, and the time that those are held against. One that
-- expired or was revoked is no token.
-- $1 hash bytea
-- returns 0..1 row
SELECT kind, account_id, is_signed, (extract(epoch FROM now()) * 1000000)::bigint AS now_us FROM api_token
WHERE hash = $1 AND expires_at > now() AND revoked_at IS NULL;
