-- migrate:up

-- What the last seal says of an escrow, built from escrow.seals.v1 by the gateway's own lanes.
CREATE TABLE escrow_proof (
  id uuid PRIMARY KEY,
  version bigint NOT NULL CHECK (version >= 1),
  seq bigint NOT NULL CHECK (seq >= 1),  -- of the last event that is sealed
  head bytea NOT NULL CHECK (octet_length(head) = 32),
  prev_seal_n bigint NOT NULL,
  leaf_index bigint NOT NULL,
  path bytea NOT NULL CHECK (octet_length(path) % 32 = 0 AND octet_length(path) <= 384),
  seal_n bigint NOT NULL CHECK (seal_n >= 1),
  sealed_at_us bigint NOT NULL,
  leaf_count bigint NOT NULL,
  seal_prev bytea NOT NULL CHECK (octet_length(seal_prev) = 32),
  seal_root bytea NOT NULL CHECK (octet_length(seal_root) = 32),
  key_id bytea NOT NULL CHECK (octet_length(key_id) = 32),
  signature bytea NOT NULL CHECK (octet_length(signature) = 64)
) WITH (fillfactor = 70);

-- migrate:down

DROP TABLE escrow_proof;
