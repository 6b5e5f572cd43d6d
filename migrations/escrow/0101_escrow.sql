-- migrate:up

-- One row for each deal. Sums in minor units of its currency. What always holds of a row: check_escrows below.
CREATE TABLE escrow (
  id uuid PRIMARY KEY,
  currency smallint NOT NULL,
  price_minor bigint NOT NULL,
  buyer_fee_basis_points bigint NOT NULL, -- the buyer's fee is on top of the price, the seller's out of it
  buyer_fee_fixed_minor bigint NOT NULL,
  seller_fee_basis_points bigint NOT NULL,
  seller_fee_fixed_minor bigint NOT NULL,
  buyer_fee_minor bigint NOT NULL,
  seller_fee_minor bigint NOT NULL,
  buyer_fee_refundable boolean NOT NULL,
  marketplace_id uuid NOT NULL,
  buyer_id uuid NOT NULL,
  seller_id uuid NOT NULL,
  arbiter_id uuid NOT NULL,           -- decides a dispute that the two did not settle; zero: staff
  arbiter_key bytea NOT NULL,         -- the Ed25519 key that the verdict is checked with; empty: no arbiter
  funding_seconds bigint NOT NULL,
  delivery_seconds bigint NOT NULL,
  inspection_seconds bigint NOT NULL,
  created_at_us bigint NOT NULL,
  -- What changes lies side by side: an update logs the bytes from the first that differs to the last.
  version bigint NOT NULL,
  seq bigint NOT NULL,
  state smallint NOT NULL,
  received_minor bigint NOT NULL,
  held_minor bigint NOT NULL,
  disputed_minor bigint NOT NULL,
  suspense_minor bigint NOT NULL,
  due_seller_minor bigint NOT NULL,
  due_buyer_minor bigint NOT NULL,
  paid_out_minor bigint NOT NULL,
  refunded_minor bigint NOT NULL,
  payout_failed_minor bigint NOT NULL,
  refund_failed_minor bigint NOT NULL,
  fee_deferred_minor bigint NOT NULL, -- the buyer's, while the price is held or disputed
  fee_minor bigint NOT NULL,          -- earned
  released_minor bigint NOT NULL,     -- of the price: the seller's, before the seller's fee
  returned_minor bigint NOT NULL,     -- of the price: given back while the rest stayed held, before the buyer's fee
  payment_setup_failed boolean NOT NULL,
  foreign_money boolean NOT NULL,
  paid_leg_id uuid NOT NULL,          -- the incoming leg: asked for, later the one that paid
  payout_leg_id uuid NOT NULL,        -- the last transfer; zero before RELEASING
  refund_leg_id uuid NOT NULL,        -- the last refund of the price; zero before REFUNDING
  milestone_count bigint NOT NULL,    -- pieces that the price is for; zero: it is one
  milestones_hash bytea NOT NULL,     -- over what they are: services/escrow/escrow_chain.h; zeros for none
  split_count bigint NOT NULL,        -- offers to divide what is held or disputed that were made
  split_by uuid NOT NULL,             -- whose offer is open; zero: none is
  split_seller_minor bigint NOT NULL, -- the seller's share in it
  deadline_seq bigint NOT NULL,       -- the event that started the clock: the timer's generation; zero: none
  deadline_at_us bigint NOT NULL,     -- when the clock of this state ends; zero: none
  updated_at_us bigint NOT NULL,
  chain_head bytea NOT NULL,
  seller_account text NOT NULL,
  description text NOT NULL
) WITH (fillfactor = 70);

-- INV8 and what else always holds of a deal's row, asked once for all rows of a statement: as CHECKs the rules took a
-- quarter of PostgreSQL's time in small transactions, which read each rule's text anew in each statement. The states
-- are those of services/escrow/escrow.h; division of bigint rounds down, as base/fee.h does.
CREATE FUNCTION check_escrows() RETURNS trigger LANGUAGE plpgsql AS
$$ DECLARE
  broken record;
BEGIN
  SELECT id, rule INTO broken FROM (
    SELECT id, CASE
        WHEN currency <> 1 OR price_minor NOT BETWEEN 1 AND 99999999 THEN 'escrow_price'
        WHEN seller_id = buyer_id THEN 'escrow_two_parties'
        WHEN arbiter_id IN (buyer_id, seller_id) OR octet_length(arbiter_key)
          <> CASE WHEN arbiter_id = '00000000-0000-0000-0000-000000000000' THEN 0 ELSE 32 END THEN 'escrow_arbiter'
        WHEN funding_seconds NOT BETWEEN 3600 AND 2592000 OR delivery_seconds NOT BETWEEN 3600 AND 7776000
          OR inspection_seconds NOT BETWEEN 86400 AND 2592000 THEN 'escrow_periods'
        WHEN buyer_fee_basis_points NOT BETWEEN 0 AND 10000 OR buyer_fee_fixed_minor NOT BETWEEN 0 AND 1000000
          OR buyer_fee_minor <> price_minor * buyer_fee_basis_points / 10000 + buyer_fee_fixed_minor
          THEN 'escrow_buyer_fee'
        WHEN seller_fee_basis_points NOT BETWEEN 0 AND 10000 OR seller_fee_fixed_minor NOT BETWEEN 0 AND 1000000
          OR seller_fee_minor <> price_minor * seller_fee_basis_points / 10000 + seller_fee_fixed_minor
          OR seller_fee_minor >= price_minor -- something is left for the seller
          THEN 'escrow_seller_fee'
        WHEN octet_length(seller_account) NOT BETWEEN 1 AND 255 OR octet_length(description) > 1000 THEN 'escrow_texts'
        WHEN version < 1 OR seq < 1 OR octet_length(chain_head) <> 32 THEN 'escrow_versions'
        WHEN state NOT BETWEEN 1 AND 16 THEN 'escrow_state'
        WHEN least(received_minor, held_minor, disputed_minor, suspense_minor, due_seller_minor,
                   due_buyer_minor, paid_out_minor, refunded_minor, payout_failed_minor, refund_failed_minor,
                   fee_deferred_minor, fee_minor, returned_minor) < 0 THEN 'escrow_no_debt'
        WHEN received_minor <> held_minor + disputed_minor + suspense_minor + due_seller_minor
          + due_buyer_minor + paid_out_minor + refunded_minor + fee_deferred_minor + fee_minor
          THEN 'escrow_conservation'
        -- Of the price, all is the seller's in RELEASING and RELEASED, but for what had been returned; where a rest is
        -- held, disputed, divided or given back less than all; else nothing.
        WHEN released_minor < 0 OR NOT CASE WHEN state IN (5, 6) THEN released_minor > 0 AND kept = 0
          WHEN state IN (14, 15) THEN released_minor > 0 AND kept > 0
          WHEN state = 16 THEN kept BETWEEN 1 AND price_minor - 1
          WHEN state IN (3, 4, 7, 8, 11, 12, 13) THEN kept > 0
          ELSE kept = price_minor END THEN 'escrow_released'
        WHEN held_minor <> CASE WHEN state IN (3, 4, 11, 16) THEN kept ELSE 0 END THEN 'escrow_held'
        WHEN disputed_minor <> CASE WHEN state IN (12, 13) THEN kept ELSE 0 END THEN 'escrow_disputed'
        -- Only a piece is given back while the rest stays held.
        WHEN returned_minor > 0 AND milestone_count = 0 THEN 'escrow_returned'
        -- What was released is the seller's, less the fee: owed or paid.
        WHEN due_seller_minor + paid_out_minor
          <> released_minor - seller_fee_minor * released_minor / price_minor THEN 'escrow_paid_out'
        -- Nothing is owed to the seller of a deal that has ended; while it is being released something is, to him or of
        -- what was returned.
        WHEN NOT CASE WHEN state = 5 THEN due_seller_minor > 0 OR (returned_minor > 0 AND due_buyer_minor > 0)
          WHEN state IN (6, 8, 15) THEN due_seller_minor = 0
          ELSE true END THEN 'escrow_due_seller'
        -- The buyer's fee is put aside where the price is held, and earned as the price leaves, unless it goes back
        -- with it.
        WHEN fee_deferred_minor <> CASE WHEN state IN (3, 4, 11, 12, 13, 16)
          THEN buyer_fee_until_returned - buyer_fee_until_released ELSE 0 END
          THEN 'escrow_fee_deferred'
        WHEN fee_minor <> seller_fee_minor * released_minor / price_minor + buyer_fee_until_released
          + CASE WHEN buyer_fee_refundable THEN 0 ELSE buyer_fee_minor - buyer_fee_until_returned
            + CASE WHEN state IN (7, 8, 14, 15) THEN buyer_fee_until_returned - buyer_fee_until_released
              ELSE 0 END END THEN 'escrow_fee_earned'
        -- While the rest goes back it is owed, or has gone and the deal waits for a payout, or for what was returned.
        WHEN state IN (7, 14) AND NOT (due_buyer_minor >= back_of_rest
          OR (refunded_minor >= back_of_rest AND (due_seller_minor > 0
            OR (returned_minor > 0 AND due_buyer_minor > 0)))) THEN 'escrow_refunding'
        WHEN state IN (6, 8, 15) AND refunded_minor < back THEN 'escrow_refunded'
        -- What was returned is the buyer's, and what is left of a deal that gives it back: owed or given.
        WHEN due_buyer_minor + refunded_minor < back THEN 'escrow_back'
        -- What failed is still owed.
        WHEN payout_failed_minor > due_seller_minor THEN 'escrow_payout_failed'
        WHEN refund_failed_minor > due_buyer_minor THEN 'escrow_refund_failed'
        WHEN (payout_leg_id <> '00000000-0000-0000-0000-000000000000') <> (state IN (5, 6, 14, 15))
          THEN 'escrow_payout_leg'
        WHEN (refund_leg_id <> '00000000-0000-0000-0000-000000000000') <> (state IN (7, 8, 14, 15))
          THEN 'escrow_refund_leg'
        WHEN payment_setup_failed AND state NOT IN (1, 2) THEN 'escrow_payment_setup'
        -- An offer to divide is over what is held, or frozen by a dispute.
        WHEN split_count NOT BETWEEN 0 AND 50 OR NOT CASE WHEN split_by = '00000000-0000-0000-0000-000000000000'
          THEN split_seller_minor = 0
          ELSE split_by IN (buyer_id, seller_id) AND split_count > 0 AND held_minor + disputed_minor > 0
            AND split_seller_minor BETWEEN 0 AND held_minor + disputed_minor END THEN 'escrow_split'
        -- What the pieces are is fixed; only a deal in pieces is settled piece by piece.
        WHEN octet_length(milestones_hash) <> 32 OR CASE WHEN milestone_count = 0
          THEN state = 16 OR milestones_hash <> decode(repeat('00', 32), 'hex')
          ELSE milestone_count NOT BETWEEN 2 AND 20 OR milestones_hash = decode(repeat('00', 32), 'hex') END
          THEN 'escrow_milestones'
        -- A clock runs while somebody may act and money is not on its way, and only then.
        WHEN NOT CASE WHEN state IN (2, 3, 4, 11, 12, 13, 16)
          THEN deadline_seq BETWEEN 1 AND seq AND deadline_at_us > 0
          ELSE deadline_seq = 0 AND deadline_at_us = 0 END THEN 'escrow_clock'
    END AS rule
    FROM (
      -- What the buyer gets back: of what was returned, and of the rest where that goes back.
      SELECT *, returned_back + CASE WHEN state IN (7, 8, 14, 15) THEN back_of_rest ELSE 0 END AS back
      FROM (
        SELECT *, returned_minor + CASE WHEN buyer_fee_refundable
            THEN buyer_fee_minor - buyer_fee_until_returned ELSE 0 END AS returned_back,
          kept + CASE WHEN buyer_fee_refundable
            THEN buyer_fee_until_returned - buyer_fee_until_released ELSE 0 END AS back_of_rest
        FROM (
          SELECT *, price_minor - released_minor - returned_minor AS kept,
            buyer_fee_minor * released_minor / nullif(price_minor, 0) AS buyer_fee_until_released,
            buyer_fee_minor * (price_minor - returned_minor) / nullif(price_minor, 0) AS buyer_fee_until_returned
          FROM changed
        ) AS placed
      ) AS shared
    ) AS row
  ) AS checked WHERE rule IS NOT NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'deal % violates check constraint "%"', broken.id, broken.rule
      USING ERRCODE = '23514', TABLE = 'escrow', CONSTRAINT = broken.rule;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER escrow_added AFTER INSERT ON escrow REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION check_escrows();
CREATE TRIGGER escrow_changed AFTER UPDATE ON escrow REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION check_escrows();
ALTER TABLE escrow ENABLE ALWAYS TRIGGER escrow_added;
ALTER TABLE escrow ENABLE ALWAYS TRIGGER escrow_changed;

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

-- Buyer and seller did not agree: one row for each time.
CREATE TABLE dispute (
  id uuid PRIMARY KEY,
  escrow_id uuid NOT NULL REFERENCES escrow (id) DEFERRABLE INITIALLY DEFERRED,
  version bigint NOT NULL CHECK (version >= 1),
  state smallint NOT NULL CHECK (state BETWEEN 1 AND 3), -- open, withdrawn, settled
  number bigint NOT NULL CHECK (number BETWEEN 1 AND 3), -- of its escrow
  raiser_id uuid NOT NULL,
  before smallint NOT NULL CHECK (before IN (3, 4, 11, 16)), -- the escrow's state that a withdrawal leads back to
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  seller_minor bigint NOT NULL CHECK (seller_minor >= 0),
  buyer_minor bigint NOT NULL CHECK (buyer_minor >= 0),
  buyer_items bigint NOT NULL,                           -- of evidence that the buyer submitted
  buyer_bytes bigint NOT NULL,                           -- all of them together
  buyer_last_at_us bigint NOT NULL,                      -- when the last of them was; zero: none
  seller_items bigint NOT NULL,                          -- and the seller
  seller_bytes bigint NOT NULL,
  seller_last_at_us bigint NOT NULL,
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  UNIQUE (escrow_id, number),
  CONSTRAINT dispute_buyer_docket CHECK (buyer_items BETWEEN 0 AND 10 AND buyer_bytes BETWEEN buyer_items AND 16777216
    AND (buyer_items = 0) = (buyer_bytes = 0) AND (buyer_items = 0) = (buyer_last_at_us = 0)),
  CONSTRAINT dispute_seller_docket CHECK (seller_items BETWEEN 0 AND 10 AND seller_bytes BETWEEN seller_items AND 16777216
    AND (seller_items = 0) = (seller_bytes = 0) AND (seller_items = 0) = (seller_last_at_us = 0)),
  CONSTRAINT dispute_awarded CHECK (seller_minor + buyer_minor = CASE WHEN state = 3 THEN amount_minor ELSE 0 END)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX dispute_open ON dispute (escrow_id) WHERE state = 1; -- one at a time

-- Parts of the price that were released to the seller, or given back to the buyer, while the rest stayed held: one row, one
-- debt, one transfer or refund at a time.
CREATE TABLE part (
  id uuid PRIMARY KEY,                                    -- its first transfer, or refund
  escrow_id uuid NOT NULL REFERENCES escrow (id) DEFERRABLE INITIALLY DEFERRED,
  version bigint NOT NULL CHECK (version >= 1),
  state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),  -- sending, failed, paid
  number bigint NOT NULL CHECK (number BETWEEN 1 AND 20), -- of its escrow
  to_buyer boolean NOT NULL,                              -- else to the seller
  price_minor bigint NOT NULL CHECK (price_minor >= 1),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 1), -- what that one gets of it
  leg_id uuid NOT NULL CHECK (leg_id <> '00000000-0000-0000-0000-000000000000'), -- its last transfer, or refund
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  UNIQUE (escrow_id, number),
  CONSTRAINT part_net CHECK (CASE WHEN to_buyer THEN amount_minor >= price_minor ELSE amount_minor <= price_minor END)
) WITH (fillfactor = 70);

-- What a price is for, piece by piece; of most deals none.
CREATE TABLE milestone (
  escrow_id uuid NOT NULL REFERENCES escrow (id) DEFERRABLE INITIALLY DEFERRED,
  number bigint NOT NULL CHECK (number BETWEEN 1 AND 20), -- of its escrow
  version bigint NOT NULL CHECK (version >= 1),
  state smallint NOT NULL CHECK (state BETWEEN 1 AND 6),  -- open, delivered, released, refunded, divided, rejected
  title text NOT NULL CHECK (octet_length(title) BETWEEN 1 AND 160),
  price_minor bigint NOT NULL CHECK (price_minor >= 1),
  deadline_at_us bigint NOT NULL,                         -- when its inspection, or the time to answer, ends; zero: none runs
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  PRIMARY KEY (escrow_id, number),
  CONSTRAINT milestone_inspected CHECK (CASE WHEN state IN (2, 6) THEN deadline_at_us > 0 ELSE deadline_at_us = 0 END)
) WITH (fillfactor = 70);

-- What happened, one row for each event with a seq. hash = SHA-256(prev_hash, canonical bytes of
-- this row and of its transfers): docs in services/escrow/escrow_chain.h.
CREATE TABLE transition (
  id uuid NOT NULL,
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),
  event smallint NOT NULL CHECK (event BETWEEN 1 AND 32),
  from_state smallint NOT NULL CHECK (from_state BETWEEN 0 AND 16),
  to_state smallint NOT NULL CHECK (to_state BETWEEN 1 AND 16),
  cause_id uuid NOT NULL,
  actor_kind smallint NOT NULL CHECK (actor_kind BETWEEN 1 AND 4),
  actor_id uuid NOT NULL,
  transfer_count smallint NOT NULL CHECK (transfer_count >= 0),
  milestone smallint NOT NULL CHECK (milestone BETWEEN 0 AND 20), -- that it is about; zero: the deal
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
  debit smallint NOT NULL CHECK (debit BETWEEN 1 AND 9),
  credit smallint NOT NULL CHECK (credit BETWEEN 1 AND 9),
  -- The first half spares nearly every row the regular expression, a sixth of its insert.
  currency text NOT NULL CHECK (currency = 'USD' OR currency ~ '^[A-Z]{3,4}$'),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  leg_id uuid NOT NULL,              -- the provider operation that moved it; zero: only we did
  PRIMARY KEY (escrow_id, seq, ordinal),
  CHECK (debit <> credit)
);

-- What the transition of a verdict says beside its transfers: the hash of that transition is over it, too.
CREATE TABLE verdict (
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL,
  dispute bigint NOT NULL CHECK (dispute BETWEEN 1 AND 3), -- its number
  seller_minor bigint NOT NULL CHECK (seller_minor >= 0),
  buyer_minor bigint NOT NULL CHECK (buyer_minor >= 0),
  reason text NOT NULL CHECK (octet_length(reason) BETWEEN 1 AND 500),
  signature bytea NOT NULL CHECK (octet_length(signature) IN (0, 64)), -- the arbiter's, libs/base/verdict.h; empty: by staff
  PRIMARY KEY (escrow_id, seq),
  FOREIGN KEY (escrow_id, seq) REFERENCES transition (escrow_id, seq) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (escrow_id, dispute),
  CONSTRAINT verdict_of_something CHECK (seller_minor + buyer_minor > 0)
);

-- What the transition of a piece of evidence says: the hash of that transition is over it, too. Its bytes are in the object store,
-- under the hash.
CREATE TABLE evidence (
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL,
  dispute bigint NOT NULL CHECK (dispute BETWEEN 1 AND 3), -- its number
  content bytea NOT NULL CHECK (octet_length(content) = 32), -- SHA-256 of the bytes
  type smallint NOT NULL CHECK (type BETWEEN 1 AND 5),     -- text, PDF, PNG, JPEG, WebP
  size_bytes bigint NOT NULL CHECK (size_bytes BETWEEN 1 AND 4194304),
  description text NOT NULL CHECK (octet_length(description) <= 500),
  PRIMARY KEY (escrow_id, seq),
  FOREIGN KEY (escrow_id, seq) REFERENCES transition (escrow_id, seq) DEFERRABLE INITIALLY DEFERRED
);

-- Nobody changes history: not by grant, and not by a session that switches triggers off.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501'; END $$;
CREATE TRIGGER transition_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transition
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER verdict_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON verdict
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence
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
ALTER TABLE verdict ENABLE ALWAYS TRIGGER verdict_append_only;
ALTER TABLE evidence ENABLE ALWAYS TRIGGER evidence_append_only;

-- migrate:down

DROP TABLE evidence, verdict, transfer, transition, milestone, part, dispute, suspense, escrow;
DROP FUNCTION refuse_change(), check_transfers(), check_escrows();
