-- migrate:up

-- Requests of such a token must be signed. The key is not here: it is derived from the token and a secret of the
-- gateway's configuration.
ALTER TABLE api_token ADD COLUMN is_signed boolean NOT NULL DEFAULT false;

-- REQ-J7: what signed requests of the last 90 seconds had as their nonce, for all replicas.
CREATE TABLE request_nonce (
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  nonce text NOT NULL CHECK (octet_length(nonce) BETWEEN 16 AND 64),
  used_at timestamptz NOT NULL,
  PRIMARY KEY (token_hash, nonce)
);
CREATE INDEX request_nonce_used_at ON request_nonce (used_at);

-- migrate:down

DROP TABLE request_nonce;
ALTER TABLE api_token DROP COLUMN is_signed;
