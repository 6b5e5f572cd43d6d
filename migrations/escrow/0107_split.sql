-- migrate:up

-- 14: SETTLING, 15: SETTLED_SPLIT: what was held is divided between the two, by an offer that the other one agreed to.
-- An offer is open while split_by says whose it is; it is over what is held, or frozen by a dispute.
ALTER TABLE escrow
  ADD COLUMN split_count bigint NOT NULL DEFAULT 0 CHECK (split_count BETWEEN 0 AND 50),
  ADD COLUMN split_by uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN split_seller_minor bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT escrow_split CHECK (CASE WHEN split_by = '00000000-0000-0000-0000-000000000000'
    THEN split_seller_minor = 0
    ELSE split_by IN (buyer_id, seller_id) AND split_count > 0 AND held_minor + disputed_minor > 0
         AND split_seller_minor BETWEEN 0 AND held_minor + disputed_minor END),
  DROP CONSTRAINT escrow_state_check,
  ADD CONSTRAINT escrow_state_check CHECK (state BETWEEN 1 AND 15),
  DROP CONSTRAINT escrow_payout_leg,
  ADD CONSTRAINT escrow_payout_leg
    CHECK ((payout_leg_id <> '00000000-0000-0000-0000-000000000000') = (state IN (5, 6, 14, 15))),
  DROP CONSTRAINT escrow_refund_leg,
  ADD CONSTRAINT escrow_refund_leg
    CHECK ((refund_leg_id <> '00000000-0000-0000-0000-000000000000') = (state IN (7, 8, 14, 15))),
  DROP CONSTRAINT escrow_released,
  ADD CONSTRAINT escrow_released
    CHECK (CASE WHEN state IN (5, 6) THEN released_minor = price_minor
           WHEN state IN (14, 15) THEN released_minor BETWEEN 1 AND price_minor - 1
           WHEN state IN (3, 4, 7, 8, 11, 12, 13) THEN released_minor BETWEEN 0 AND price_minor - 1
           ELSE released_minor = 0 END),
  DROP CONSTRAINT escrow_due_seller,
  ADD CONSTRAINT escrow_due_seller
    CHECK (CASE WHEN state = 5 THEN due_seller_minor > 0 WHEN state IN (6, 8, 15) THEN due_seller_minor = 0
           ELSE true END),
  DROP CONSTRAINT escrow_fee_earned,
  ADD CONSTRAINT escrow_fee_earned
    CHECK (fee_minor = seller_fee_minor * released_minor / price_minor
           + CASE WHEN state IN (7, 8, 14, 15) AND NOT buyer_fee_refundable THEN buyer_fee_minor
             ELSE buyer_fee_minor * released_minor / price_minor END),
  DROP CONSTRAINT escrow_refunding,
  ADD CONSTRAINT escrow_refunding CHECK (state NOT IN (7, 14)
    OR due_buyer_minor >= price_minor - released_minor + CASE WHEN buyer_fee_refundable
       THEN buyer_fee_minor - buyer_fee_minor * released_minor / price_minor ELSE 0 END
    OR (due_seller_minor > 0 AND refunded_minor >= price_minor - released_minor + CASE WHEN buyer_fee_refundable
        THEN buyer_fee_minor - buyer_fee_minor * released_minor / price_minor ELSE 0 END)),
  DROP CONSTRAINT escrow_refunded,
  ADD CONSTRAINT escrow_refunded CHECK (state NOT IN (8, 15)
    OR refunded_minor >= price_minor - released_minor + CASE WHEN buyer_fee_refundable
       THEN buyer_fee_minor - buyer_fee_minor * released_minor / price_minor ELSE 0 END);
ALTER TABLE transition
  DROP CONSTRAINT transition_event_check,
  ADD CONSTRAINT transition_event_check CHECK (event BETWEEN 1 AND 27),
  DROP CONSTRAINT transition_from_state_check,
  ADD CONSTRAINT transition_from_state_check CHECK (from_state BETWEEN 0 AND 15),
  DROP CONSTRAINT transition_to_state_check,
  ADD CONSTRAINT transition_to_state_check CHECK (to_state BETWEEN 1 AND 15);

-- migrate:down

ALTER TABLE transition
  DROP CONSTRAINT transition_event_check,
  ADD CONSTRAINT transition_event_check CHECK (event BETWEEN 1 AND 24),
  DROP CONSTRAINT transition_from_state_check,
  ADD CONSTRAINT transition_from_state_check CHECK (from_state BETWEEN 0 AND 13),
  DROP CONSTRAINT transition_to_state_check,
  ADD CONSTRAINT transition_to_state_check CHECK (to_state BETWEEN 1 AND 13);
ALTER TABLE escrow
  DROP CONSTRAINT escrow_split,
  DROP COLUMN split_count,
  DROP COLUMN split_by,
  DROP COLUMN split_seller_minor,
  DROP CONSTRAINT escrow_state_check,
  ADD CONSTRAINT escrow_state_check CHECK (state BETWEEN 1 AND 13),
  DROP CONSTRAINT escrow_payout_leg,
  ADD CONSTRAINT escrow_payout_leg
    CHECK ((payout_leg_id <> '00000000-0000-0000-0000-000000000000') = (state IN (5, 6))),
  DROP CONSTRAINT escrow_refund_leg,
  ADD CONSTRAINT escrow_refund_leg
    CHECK ((refund_leg_id <> '00000000-0000-0000-0000-000000000000') = (state IN (7, 8))),
  DROP CONSTRAINT escrow_released,
  ADD CONSTRAINT escrow_released
    CHECK (CASE WHEN state IN (5, 6) THEN released_minor = price_minor
           WHEN state IN (3, 4, 7, 8, 11, 12, 13) THEN released_minor BETWEEN 0 AND price_minor - 1
           ELSE released_minor = 0 END),
  DROP CONSTRAINT escrow_due_seller,
  ADD CONSTRAINT escrow_due_seller
    CHECK (CASE WHEN state = 5 THEN due_seller_minor > 0 WHEN state IN (6, 8) THEN due_seller_minor = 0 ELSE true END),
  DROP CONSTRAINT escrow_fee_earned,
  ADD CONSTRAINT escrow_fee_earned
    CHECK (fee_minor = seller_fee_minor * released_minor / price_minor
           + CASE WHEN state IN (7, 8) AND NOT buyer_fee_refundable THEN buyer_fee_minor
             ELSE buyer_fee_minor * released_minor / price_minor END),
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
