-- Ends a token at once.
-- $1 hash bytea
-- returns 0..1 row
UPDATE api_token SET revoked_at = coalesce(revoked_at, now()) WHERE hash = $1 RETURNING account_id;
