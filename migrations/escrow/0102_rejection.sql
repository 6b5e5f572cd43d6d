-- migrate:up

-- The rules of a deal's row get names: PostgreSQL's numbers say nothing to whoever breaks one, or changes one.
ALTER TABLE escrow RENAME CONSTRAINT escrow_check TO escrow_two_parties;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check1 TO escrow_conservation;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check2 TO escrow_held;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check3 TO escrow_due_seller;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check4 TO escrow_paid_out;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check5 TO escrow_refunding;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check6 TO escrow_refunded;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check7 TO escrow_refund_failed;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check8 TO escrow_payout_failed;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check9 TO escrow_payout_leg;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check10 TO escrow_refund_leg;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check11 TO escrow_payment_setup;
ALTER TABLE escrow RENAME CONSTRAINT escrow_check12 TO escrow_clock;

-- 11: DELIVERY_REJECTED. It holds the price, and the seller's time to answer runs.
ALTER TABLE escrow
  DROP CONSTRAINT escrow_state_check,
  ADD CONSTRAINT escrow_state_check CHECK (state BETWEEN 1 AND 11),
  DROP CONSTRAINT escrow_held,
  ADD CONSTRAINT escrow_held CHECK (held_minor = CASE WHEN state IN (3, 4, 11) THEN price_minor ELSE 0 END),
  DROP CONSTRAINT escrow_clock,
  ADD CONSTRAINT escrow_clock CHECK (CASE WHEN state IN (2, 3, 4, 11)
    THEN deadline_seq BETWEEN 1 AND seq AND deadline_at_us > 0
    ELSE deadline_seq = 0 AND deadline_at_us = 0 END);
ALTER TABLE transition
  DROP CONSTRAINT transition_event_check,
  ADD CONSTRAINT transition_event_check CHECK (event BETWEEN 1 AND 19),
  DROP CONSTRAINT transition_from_state_check,
  ADD CONSTRAINT transition_from_state_check CHECK (from_state BETWEEN 0 AND 11),
  DROP CONSTRAINT transition_to_state_check,
  ADD CONSTRAINT transition_to_state_check CHECK (to_state BETWEEN 1 AND 11);

-- migrate:down

ALTER TABLE transition
  DROP CONSTRAINT transition_event_check,
  ADD CONSTRAINT transition_event_check CHECK (event BETWEEN 1 AND 17),
  DROP CONSTRAINT transition_from_state_check,
  ADD CONSTRAINT transition_from_state_check CHECK (from_state BETWEEN 0 AND 10),
  DROP CONSTRAINT transition_to_state_check,
  ADD CONSTRAINT transition_to_state_check CHECK (to_state BETWEEN 1 AND 10);
ALTER TABLE escrow
  DROP CONSTRAINT escrow_state_check,
  ADD CONSTRAINT escrow_state_check CHECK (state IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)),
  DROP CONSTRAINT escrow_held,
  ADD CONSTRAINT escrow_held CHECK (held_minor = CASE WHEN state IN (3, 4) THEN price_minor ELSE 0 END),
  DROP CONSTRAINT escrow_clock,
  ADD CONSTRAINT escrow_clock CHECK (CASE WHEN state IN (2, 3, 4)
    THEN deadline_seq BETWEEN 1 AND seq AND deadline_at_us > 0
    ELSE deadline_seq = 0 AND deadline_at_us = 0 END);
ALTER TABLE escrow RENAME CONSTRAINT escrow_two_parties TO escrow_check;
ALTER TABLE escrow RENAME CONSTRAINT escrow_conservation TO escrow_check1;
ALTER TABLE escrow RENAME CONSTRAINT escrow_held TO escrow_check2;
ALTER TABLE escrow RENAME CONSTRAINT escrow_due_seller TO escrow_check3;
ALTER TABLE escrow RENAME CONSTRAINT escrow_paid_out TO escrow_check4;
ALTER TABLE escrow RENAME CONSTRAINT escrow_refunding TO escrow_check5;
ALTER TABLE escrow RENAME CONSTRAINT escrow_refunded TO escrow_check6;
ALTER TABLE escrow RENAME CONSTRAINT escrow_refund_failed TO escrow_check7;
ALTER TABLE escrow RENAME CONSTRAINT escrow_payout_failed TO escrow_check8;
ALTER TABLE escrow RENAME CONSTRAINT escrow_payout_leg TO escrow_check9;
ALTER TABLE escrow RENAME CONSTRAINT escrow_refund_leg TO escrow_check10;
ALTER TABLE escrow RENAME CONSTRAINT escrow_payment_setup TO escrow_check11;
ALTER TABLE escrow RENAME CONSTRAINT escrow_clock TO escrow_check12;
