-- migrate:up

-- One row for each deal. Sums in minor units of its currency:
-- received = held + suspense + due_seller + due_buyer + paid_out + refunded, always.
CREATE TABLE escrow (
  id uuid PRIMARY KEY,
  currency smallint NOT NULL CHECK (currency IN (1)),
  price_minor bigint NOT NULL CHECK (price_minor BETWEEN 1 AND 99999999),
  marketplace_id uuid NOT NULL,
  buyer_id uuid NOT NULL,
  seller_id uuid NOT NULL CHECK (seller_id <> buyer_id),
  funding_seconds bigint NOT NULL CHECK (funding_seconds BETWEEN 3600 AND 2592000),
  delivery_seconds bigint NOT NULL CHECK (delivery_seconds BETWEEN 3600 AND 7776000),
  inspection_seconds bigint NOT NULL CHECK (inspection_seconds BETWEEN 86400 AND 2592000),
  created_at_us bigint NOT NULL,
  -- What changes lies side by side: an update logs the bytes from the first that differs to the last.
  version bigint NOT NULL CHECK (version >= 1),
  seq bigint NOT NULL CHECK (seq >= 1),
  state smallint NOT NULL CHECK (state IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)),
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
  paid_leg_id uuid NOT NULL,         -- the incoming leg: asked for, later the one that paid
  payout_leg_id uuid NOT NULL,       -- the last transfer; zero before RELEASING
  refund_leg_id uuid NOT NULL,       -- the last refund of the price; zero before REFUNDING
  deadline_seq bigint NOT NULL,      -- the event that started the clock: the timer's generation; zero: none
  deadline_at_us bigint NOT NULL,    -- when the clock of this state ends; zero: none
  updated_at_us bigint NOT NULL,
  chain_head bytea NOT NULL CHECK (octet_length(chain_head) = 32),
  seller_account text NOT NULL CHECK (octet_length(seller_account) BETWEEN 1 AND 255),
  description text NOT NULL CHECK (octet_length(description) <= 1000),
  CHECK (received_minor = held_minor + suspense_minor + due_seller_minor + due_buyer_minor
         + paid_out_minor + refunded_minor),
  -- Where the price is, in each state: held by 3 and 4 (FUNDS_HELD, DELIVERED), due to the seller in
  -- 5 (RELEASING), paid out in 6 (RELEASED), due to the buyer in 7 (REFUNDING), refunded in 8.
  CHECK (held_minor = CASE WHEN state IN (3, 4) THEN price_minor ELSE 0 END),
  CHECK (due_seller_minor = CASE WHEN state = 5 THEN price_minor ELSE 0 END),
  CHECK (paid_out_minor = CASE WHEN state = 6 THEN price_minor ELSE 0 END),
  CHECK (state <> 7 OR due_buyer_minor >= price_minor),
  CHECK (state <> 8 OR refunded_minor >= price_minor),
  -- What failed is still owed.
  CHECK (refund_failed_minor <= due_buyer_minor),
  CHECK (payout_failed_minor = 0 OR (state = 5 AND payout_failed_minor = price_minor)),
  CHECK ((payout_leg_id <> '00000000-0000-0000-0000-000000000000') = (state IN (5, 6))),
  CHECK ((refund_leg_id <> '00000000-0000-0000-0000-000000000000') = (state IN (7, 8))),
  CHECK (NOT payment_setup_failed OR state IN (1, 2)),
  -- The clock runs in 2, 3 and 4 (AWAIT_FUNDS, FUNDS_HELD, DELIVERED), and only there.
  CHECK (CASE WHEN state IN (2, 3, 4) THEN deadline_seq BETWEEN 1 AND seq AND deadline_at_us > 0
         ELSE deadline_seq = 0 AND deadline_at_us = 0 END)
) WITH (fillfactor = 70);

-- Money that a deal did not expect (wrong moment, amount or currency): one row for each incoming
-- leg. It can only go back to where it came from.
CREATE TABLE suspense (
  leg_id uuid PRIMARY KEY,           -- the incoming leg
  escrow_id uuid NOT NULL REFERENCES escrow (id) DEFERRABLE INITIALLY DEFERRED,
  version bigint NOT NULL CHECK (version >= 1),
  state smallint NOT NULL CHECK (state IN (1, 2, 3, 4)), -- flagged, refunding, refund failed, refunded
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3,4}$'),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  refund_leg_id uuid NOT NULL,       -- its last refund; zero when flagged
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  CHECK ((state = 1) = (refund_leg_id = '00000000-0000-0000-0000-000000000000'))
) WITH (fillfactor = 70);
CREATE INDEX suspense_escrow ON suspense (escrow_id);

-- What happened, one row for each event with a seq. hash = SHA-256(prev_hash, canonical bytes of
-- this row and of its transfers): docs in services/escrow/escrow_chain.h.
CREATE TABLE transition (
  id uuid NOT NULL,
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),
  event smallint NOT NULL CHECK (event BETWEEN 1 AND 17),
  from_state smallint NOT NULL CHECK (from_state BETWEEN 0 AND 10),
  to_state smallint NOT NULL CHECK (to_state BETWEEN 1 AND 10),
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
  -- The first half spares nearly every row the regular expression, a sixth of its insert.
  currency text NOT NULL CHECK (currency = 'USD' OR currency ~ '^[A-Z]{3,4}$'),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  leg_id uuid NOT NULL,              -- the provider operation that moved it; zero: only we did
  PRIMARY KEY (escrow_id, seq, ordinal),
  CHECK (debit <> credit)
);

-- Nobody changes history: not by grant, and not by a session that switches triggers off.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501'; END $$;
CREATE TRIGGER transition_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transition
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- INV4: a transfer has exactly one transition, which tells how many it has. Asked once for all rows of a statement: a
-- foreign key looks up and locks row by row, for a tenth of a command's time. Neither side changes afterwards. The
-- settings leave one plan, the index of each transition, however few rows there were when it was made.
CREATE FUNCTION check_transfers() RETURNS trigger LANGUAGE plpgsql
  SET search_path FROM CURRENT SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS
$$ BEGIN
  IF EXISTS (
    SELECT FROM (SELECT escrow_id, seq, count(*) AS n FROM added GROUP BY escrow_id, seq) a
    LEFT JOIN transition t USING (escrow_id, seq) WHERE t.transfer_count IS DISTINCT FROM a.n
  ) THEN
    RAISE EXCEPTION 'transfers without their transition' USING ERRCODE = '23503';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER transfer_of_transition AFTER INSERT ON transfer REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION check_transfers();
ALTER TABLE transfer ENABLE ALWAYS TRIGGER transfer_of_transition;
ALTER TABLE transition ENABLE ALWAYS TRIGGER transition_append_only;
ALTER TABLE transfer ENABLE ALWAYS TRIGGER transfer_append_only;

-- migrate:down

DROP TABLE transfer, transition, suspense, escrow;
DROP FUNCTION refuse_change(), check_transfers();
