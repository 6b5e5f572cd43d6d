-- The nonce is used from now on; a row when it was not within the last memory_s seconds. Each use forgets two that are
-- older, so that the table shrinks as fast as it grew.
-- $1 token_hash bytea
-- $2 nonce text
-- $3 memory_s integer
-- returns 0..1 row
WITH forgotten AS (
  DELETE FROM request_nonce r USING (
    SELECT o.token_hash, o.nonce FROM request_nonce o
    WHERE o.used_at < now() - make_interval(secs => $3) AND NOT (o.token_hash = $1 AND o.nonce = $2)
    ORDER BY o.used_at LIMIT 2 FOR UPDATE SKIP LOCKED) old
  WHERE r.token_hash = old.token_hash AND r.nonce = old.nonce)
INSERT INTO request_nonce (token_hash, nonce, used_at) VALUES ($1, $2, now())
ON CONFLICT (token_hash, nonce) DO UPDATE SET used_at = EXCLUDED.used_at
  WHERE request_nonce.used_at < now() - make_interval(secs => $3)
RETURNING 1 AS used;
