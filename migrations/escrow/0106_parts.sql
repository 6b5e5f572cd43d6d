-- migrate:up

-- The price may be released in parts. Division of bigint rounds down, as base/fee.h does.
ALTER TABLE escrow
  ADD COLUMN released_minor bigint NOT NULL DEFAULT 0; -- of the price: the seller's, before the seller's fee
UPDATE escrow SET released_minor = price_minor WHERE state IN (5, 6);
ALTER TABLE escrow
  -- All of it in 5 and 6 (RELEASING, RELEASED); where a rest is held, disputed or given back less; else nothing.
  ADD CONSTRAINT escrow_released
    CHECK (CASE WHEN state IN (5, 6) THEN released_minor = price_minor
           WHEN state IN (3, 4, 7, 8, 11, 12, 13) THEN released_minor BETWEEN 0 AND price_minor - 1
           ELSE released_minor = 0 END),
  DROP CONSTRAINT escrow_held,
  ADD CONSTRAINT escrow_held
    CHECK (held_minor = CASE WHEN state IN (3, 4, 11) THEN price_minor - released_minor ELSE 0 END),
  DROP CONSTRAINT escrow_disputed,
  ADD CONSTRAINT escrow_disputed
    CHECK (disputed_minor = CASE WHEN state IN (12, 13) THEN price_minor - released_minor ELSE 0 END),
  -- What was released is the seller's, less the fee: owed or paid.
  DROP CONSTRAINT escrow_due_seller,
  DROP CONSTRAINT escrow_paid_out,
  ADD CONSTRAINT escrow_paid_out
    CHECK (due_seller_minor + paid_out_minor = released_minor - seller_fee_minor * released_minor / price_minor),
  -- Nothing is owed to the seller of a deal that has ended; while it is being released something is.
  ADD CONSTRAINT escrow_due_seller
    CHECK (CASE WHEN state = 5 THEN due_seller_minor > 0 WHEN state IN (6, 8) THEN due_seller_minor = 0 ELSE true END),
  DROP CONSTRAINT escrow_payout_failed,
  ADD CONSTRAINT escrow_payout_failed CHECK (payout_failed_minor <= due_seller_minor),
  DROP CONSTRAINT escrow_fee_deferred,
  ADD CONSTRAINT escrow_fee_deferred
    CHECK (fee_deferred_minor = CASE WHEN state IN (3, 4, 11, 12, 13)
           THEN buyer_fee_minor - buyer_fee_minor * released_minor / price_minor ELSE 0 END),
  DROP CONSTRAINT escrow_fee_earned,
  ADD CONSTRAINT escrow_fee_earned
    CHECK (fee_minor = seller_fee_minor * released_minor / price_minor
           + CASE WHEN state IN (7, 8) AND NOT buyer_fee_refundable THEN buyer_fee_minor
             ELSE buyer_fee_minor * released_minor / price_minor END),
  -- What was not released goes back; then the deal may still wait for a payout.
  DROP CONSTRAINT escrow_refunding,
  ADD CONSTRAINT escrow_refunding CHECK (state <> 7
    OR due_buyer_minor >= price_minor - released_minor + CASE WHEN buyer_fee_refundable
       THEN buyer_fee_minor - buyer_fee_minor * released_minor / price_minor ELSE 0 END
    OR (due_seller_minor > 0 AND refunded_minor >= price_minor - released_minor + CASE WHEN buyer_fee_refundable
        THEN buyer_fee_minor - buyer_fee_minor * released_minor / price_minor ELSE 0 END)),
  DROP CONSTRAINT escrow_refunded,
  ADD CONSTRAINT escrow_refunded CHECK (state <> 8
    OR refunded_minor >= price_minor - released_minor + CASE WHEN buyer_fee_refundable
       THEN buyer_fee_minor - buyer_fee_minor * released_minor / price_minor ELSE 0 END);
ALTER TABLE transition
  DROP CONSTRAINT transition_event_check,
  ADD CONSTRAINT transition_event_check CHECK (event BETWEEN 1 AND 24);

-- Parts of the price that the buyer released while the rest stayed held: one row, one debt, one transfer at a time.
CREATE TABLE part (
  id uuid PRIMARY KEY,                                    -- its first transfer
  escrow_id uuid NOT NULL REFERENCES escrow (id) DEFERRABLE INITIALLY DEFERRED,
  version bigint NOT NULL CHECK (version >= 1),
  state smallint NOT NULL CHECK (state BETWEEN 1 AND 3),  -- sending, failed, paid
  number bigint NOT NULL CHECK (number BETWEEN 1 AND 20), -- of its escrow
  price_minor bigint NOT NULL CHECK (price_minor >= 1),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 1), -- what the seller gets of it
  leg_id uuid NOT NULL CHECK (leg_id <> '00000000-0000-0000-0000-000000000000'), -- its last transfer
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  UNIQUE (escrow_id, number),
  CONSTRAINT part_net CHECK (amount_minor <= price_minor)
) WITH (fillfactor = 70);

-- migrate:down

DROP TABLE part;
ALTER TABLE transition
  DROP CONSTRAINT transition_event_check,
  ADD CONSTRAINT transition_event_check CHECK (event BETWEEN 1 AND 22);
ALTER TABLE escrow
  DROP CONSTRAINT escrow_released,
  DROP CONSTRAINT escrow_held,
  ADD CONSTRAINT escrow_held CHECK (held_minor = CASE WHEN state IN (3, 4, 11) THEN price_minor ELSE 0 END),
  DROP CONSTRAINT escrow_disputed,
  ADD CONSTRAINT escrow_disputed CHECK (disputed_minor = CASE WHEN state IN (12, 13) THEN price_minor ELSE 0 END),
  DROP CONSTRAINT escrow_due_seller,
  ADD CONSTRAINT escrow_due_seller
    CHECK (due_seller_minor = CASE WHEN state = 5 THEN price_minor - seller_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_paid_out,
  ADD CONSTRAINT escrow_paid_out
    CHECK (paid_out_minor = CASE WHEN state = 6 THEN price_minor - seller_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_payout_failed,
  ADD CONSTRAINT escrow_payout_failed
    CHECK (payout_failed_minor = 0 OR (state = 5 AND payout_failed_minor = price_minor - seller_fee_minor)),
  DROP CONSTRAINT escrow_fee_deferred,
  ADD CONSTRAINT escrow_fee_deferred
    CHECK (fee_deferred_minor = CASE WHEN state IN (3, 4, 11, 12, 13) THEN buyer_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_fee_earned,
  ADD CONSTRAINT escrow_fee_earned
    CHECK (fee_minor = CASE WHEN state IN (5, 6) THEN buyer_fee_minor + seller_fee_minor
           WHEN state IN (7, 8) AND NOT buyer_fee_refundable THEN buyer_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_refunding,
  ADD CONSTRAINT escrow_refunding CHECK (state <> 7 OR
    due_buyer_minor >= price_minor + CASE WHEN buyer_fee_refundable THEN buyer_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_refunded,
  ADD CONSTRAINT escrow_refunded CHECK (state <> 8 OR
    refunded_minor >= price_minor + CASE WHEN buyer_fee_refundable THEN buyer_fee_minor ELSE 0 END),
  DROP COLUMN released_minor;
