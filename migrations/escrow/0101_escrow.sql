-- migrate:up

-- One row for each deal. Sums in minor units of its currency:
-- received = held + suspense + due_seller + due_buyer + paid_out + refunded, always.
CREATE TABLE escrow (
  id uuid PRIMARY KEY,
  version bigint NOT NULL CHECK (version >= 1),
  seq bigint NOT NULL CHECK (seq >= 1),
  state smallint NOT NULL CHECK (state IN (1, 2, 3, 4, 5, 6, 7, 8, 9)),
  currency smallint NOT NULL CHECK (currency IN (1)),
  price_minor bigint NOT NULL CHECK (price_minor > 0),
  received_minor bigint NOT NULL CHECK (received_minor >= 0),
  held_minor bigint NOT NULL CHECK (held_minor >= 0),
  suspense_minor bigint NOT NULL CHECK (suspense_minor >= 0),
  due_seller_minor bigint NOT NULL CHECK (due_seller_minor >= 0),
  due_buyer_minor bigint NOT NULL CHECK (due_buyer_minor >= 0),
  paid_out_minor bigint NOT NULL CHECK (paid_out_minor >= 0),
  refunded_minor bigint NOT NULL CHECK (refunded_minor >= 0),
  payout_failed_minor bigint NOT NULL CHECK (payout_failed_minor >= 0),
  refund_failed_minor bigint NOT NULL CHECK (refund_failed_minor >= 0),
  payment_setup_failed boolean NOT NULL,
  foreign_money boolean NOT NULL,
  marketplace_id uuid NOT NULL,
  buyer_id uuid NOT NULL,
  seller_id uuid NOT NULL CHECK (seller_id <> buyer_id),
  seller_account text NOT NULL,
  inspection_seconds bigint NOT NULL CHECK (inspection_seconds BETWEEN 86400 AND 2592000),
  description text NOT NULL,
  paid_leg_id uuid NOT NULL,         -- the incoming leg; fixed when the deal is created
  chain_head bytea NOT NULL CHECK (octet_length(chain_head) = 32),
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  CHECK (received_minor = held_minor + suspense_minor + due_seller_minor + due_buyer_minor
         + paid_out_minor + refunded_minor),
  CHECK (payout_failed_minor <= due_seller_minor),
  CHECK (refund_failed_minor <= due_buyer_minor),
  CHECK (held_minor = 0 OR state IN (3, 4)),           -- only FUNDS_HELD and DELIVERED hold
  CHECK (state <> 6 OR (due_seller_minor = 0 AND paid_out_minor = price_minor)),
  CHECK (held_minor IN (0, price_minor))
) WITH (fillfactor = 70);

-- What happened, one row for each event with a seq. hash = SHA-256(prev_hash, canonical bytes of
-- this row and of its transfers): docs in services/escrow/escrow_chain.h.
CREATE TABLE transition (
  id uuid NOT NULL,
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),
  event smallint NOT NULL CHECK (event BETWEEN 1 AND 16),
  from_state smallint NOT NULL CHECK (from_state BETWEEN 0 AND 9),
  to_state smallint NOT NULL CHECK (to_state BETWEEN 1 AND 9),
  cause_id uuid NOT NULL,
  actor_kind smallint NOT NULL CHECK (actor_kind BETWEEN 1 AND 4),
  actor_id uuid NOT NULL,
  transfer_count smallint NOT NULL CHECK (transfer_count >= 0),
  at_us bigint NOT NULL,
  prev_hash bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (escrow_id, seq)
);

-- Double entry: debit and credit are accounts of services/escrow/escrow_ledger.h. Balanced by
-- construction. `ordinal` counts the transfers of one transition.
CREATE TABLE transfer (
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL,
  ordinal smallint NOT NULL CHECK (ordinal >= 0),
  debit smallint NOT NULL CHECK (debit BETWEEN 1 AND 6),
  credit smallint NOT NULL CHECK (credit BETWEEN 1 AND 6),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3,4}$'),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  leg_id uuid NOT NULL,              -- the provider operation it stands for; zero: none
  PRIMARY KEY (escrow_id, seq, ordinal),
  FOREIGN KEY (escrow_id, seq) REFERENCES transition (escrow_id, seq) DEFERRABLE INITIALLY DEFERRED,
  CHECK (debit <> credit)
);

-- Nobody changes history: not by grant, and not by a session that switches triggers off.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501'; END $$;
CREATE TRIGGER transition_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transition
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE transition ENABLE ALWAYS TRIGGER transition_append_only;
ALTER TABLE transfer ENABLE ALWAYS TRIGGER transfer_append_only;

-- migrate:down

DROP TABLE transfer, transition, escrow;
DROP FUNCTION refuse_change();
