-- migrate:up

-- Seals: Merkle roots over the chain heads that changed since the last one, signed with a key that is not in this
-- database, each linked to the one before. What the hashes are over: services/escrow/escrow_seal.h.
CREATE TABLE seal (
  n bigint PRIMARY KEY CHECK (n >= 1),
  at_us bigint NOT NULL,
  leaf_count bigint NOT NULL CHECK (leaf_count BETWEEN 1 AND 4096),
  prev bytea NOT NULL CHECK (octet_length(prev) = 32),   -- the hash of seal n - 1; zeros for the first
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  key_id bytea NOT NULL CHECK (octet_length(key_id) = 32),
  signature bytea NOT NULL CHECK (octet_length(signature) = 64),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);

-- What a seal says of one escrow.
CREATE TABLE seal_leaf (
  escrow_id uuid NOT NULL,
  seal_n bigint NOT NULL REFERENCES seal (n),
  leaf_index bigint NOT NULL CHECK (leaf_index BETWEEN 0 AND 4095),
  seq bigint NOT NULL CHECK (seq >= 1),
  head bytea NOT NULL CHECK (octet_length(head) = 32),
  prev_seal_n bigint NOT NULL CHECK (prev_seal_n BETWEEN 0 AND seal_n - 1), -- the last one that covered it; 0: none
  PRIMARY KEY (escrow_id, seal_n),
  UNIQUE (seal_n, leaf_index)
);

CREATE TRIGGER seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seal
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_leaf_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seal_leaf
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE seal ENABLE ALWAYS TRIGGER seal_append_only;
ALTER TABLE seal_leaf ENABLE ALWAYS TRIGGER seal_leaf_append_only;

-- The one row that whoever seals holds locked, and up to where each lane's events were sealed. The events in the
-- outbox say which heads changed: each lane numbers them without a gap, in the transaction that changes the head.
CREATE TABLE sealer (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), -- row
  last_n bigint NOT NULL DEFAULT 0 CHECK (last_n >= 0),
  last_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(last_hash) = 32),
  looked_at_us bigint NOT NULL DEFAULT 0 -- when everything had been sealed
);
INSERT INTO sealer DEFAULT VALUES;
CREATE TABLE sealer_position (
  lane integer PRIMARY KEY REFERENCES lane (p),
  n bigint NOT NULL CHECK (n >= 0)
);
INSERT INTO sealer_position SELECT p, 0 FROM lane;

-- What went through each account, of all that is sealed: each seal adds the transfers that it covers, so that nobody
-- ever has to add up the ledger to know how much money there is. Accounts as in table transfer.
CREATE TABLE ledger_total (
  account smallint NOT NULL CHECK (account BETWEEN 1 AND 9),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3,4}$'),
  debit_minor bigint NOT NULL CHECK (debit_minor >= 0),
  credit_minor bigint NOT NULL CHECK (credit_minor >= 0),
  PRIMARY KEY (account, currency)
) WITH (fillfactor = 50);

-- migrate:down

DROP TABLE ledger_total, sealer_position, sealer, seal_leaf, seal;
