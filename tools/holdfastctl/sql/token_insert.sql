-- A new API token; its text is known to nobody but its owner. days 0: never expires.
-- $1 hash bytea
-- $2 kind smallint
-- $3 account_id uuid
-- $4 label text
-- $5 days integer
-- $6 is_signed boolean
-- returns nothing
INSERT INTO api_token (hash, kind, account_id, label, expires_at, is_signed)
VALUES ($1, $2, $3, $4, CASE WHEN $5 = 0 THEN 'infinity' ELSE now() + make_interval(days => $5) END, $6);
