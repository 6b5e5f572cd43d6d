-- migrate:up

-- 12: DISPUTED, 13: ESCALATED. Both freeze the price, and a clock runs.
ALTER TABLE escrow
  ADD COLUMN disputed_minor bigint NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0),
  DROP CONSTRAINT escrow_state_check,
  ADD CONSTRAINT escrow_state_check CHECK (state BETWEEN 1 AND 13),
  DROP CONSTRAINT escrow_conservation,
  ADD CONSTRAINT escrow_conservation CHECK (received_minor = held_minor + disputed_minor + suspense_minor
    + due_seller_minor + due_buyer_minor + paid_out_minor + refunded_minor),
  ADD CONSTRAINT escrow_disputed CHECK (disputed_minor = CASE WHEN state IN (12, 13) THEN price_minor ELSE 0 END),
  DROP CONSTRAINT escrow_clock,
  ADD CONSTRAINT escrow_clock CHECK (CASE WHEN state IN (2, 3, 4, 11, 12, 13)
    THEN deadline_seq BETWEEN 1 AND seq AND deadline_at_us > 0
    ELSE deadline_seq = 0 AND deadline_at_us = 0 END);
ALTER TABLE escrow ALTER COLUMN disputed_minor DROP DEFAULT;
ALTER TABLE transition
  DROP CONSTRAINT transition_event_check,
  ADD CONSTRAINT transition_event_check CHECK (event BETWEEN 1 AND 22),
  DROP CONSTRAINT transition_from_state_check,
  ADD CONSTRAINT transition_from_state_check CHECK (from_state BETWEEN 0 AND 13),
  DROP CONSTRAINT transition_to_state_check,
  ADD CONSTRAINT transition_to_state_check CHECK (to_state BETWEEN 1 AND 13);
ALTER TABLE transfer
  DROP CONSTRAINT transfer_debit_check,
  ADD CONSTRAINT transfer_debit_check CHECK (debit BETWEEN 1 AND 7),
  DROP CONSTRAINT transfer_credit_check,
  ADD CONSTRAINT transfer_credit_check CHECK (credit BETWEEN 1 AND 7);

-- Buyer and seller did not agree: one row for each time.
CREATE TABLE dispute (
  id uuid PRIMARY KEY,
  escrow_id uuid NOT NULL REFERENCES escrow (id) DEFERRABLE INITIALLY DEFERRED,
  version bigint NOT NULL CHECK (version >= 1),
  state smallint NOT NULL CHECK (state BETWEEN 1 AND 3), -- open, withdrawn, settled
  number bigint NOT NULL CHECK (number BETWEEN 1 AND 3), -- of its escrow
  raiser_id uuid NOT NULL,
  before smallint NOT NULL CHECK (before IN (3, 4, 11)), -- the escrow's state that a withdrawal leads back to
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  seller_minor bigint NOT NULL CHECK (seller_minor >= 0),
  buyer_minor bigint NOT NULL CHECK (buyer_minor >= 0),
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  UNIQUE (escrow_id, number),
  CONSTRAINT dispute_awarded CHECK (seller_minor + buyer_minor = CASE WHEN state = 3 THEN amount_minor ELSE 0 END)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX dispute_open ON dispute (escrow_id) WHERE state = 1; -- one at a time

-- migrate:down

DROP TABLE dispute;
ALTER TABLE transfer
  DROP CONSTRAINT transfer_debit_check,
  ADD CONSTRAINT transfer_debit_check CHECK (debit BETWEEN 1 AND 6),
  DROP CONSTRAINT transfer_credit_check,
  ADD CONSTRAINT transfer_credit_check CHECK (credit BETWEEN 1 AND 6);
ALTER TABLE transition
  DROP CONSTRAINT transition_event_check,
  ADD CONSTRAINT transition_event_check CHECK (event BETWEEN 1 AND 19),
  DROP CONSTRAINT transition_from_state_check,
  ADD CONSTRAINT transition_from_state_check CHECK (from_state BETWEEN 0 AND 11),
  DROP CONSTRAINT transition_to_state_check,
  ADD CONSTRAINT transition_to_state_check CHECK (to_state BETWEEN 1 AND 11);
ALTER TABLE escrow
  DROP CONSTRAINT escrow_state_check,
  ADD CONSTRAINT escrow_state_check CHECK (state BETWEEN 1 AND 11),
  DROP CONSTRAINT escrow_clock,
  ADD CONSTRAINT escrow_clock CHECK (CASE WHEN state IN (2, 3, 4, 11)
    THEN deadline_seq BETWEEN 1 AND seq AND deadline_at_us > 0
    ELSE deadline_seq = 0 AND deadline_at_us = 0 END),
  DROP CONSTRAINT escrow_disputed,
  DROP CONSTRAINT escrow_conservation,
  ADD CONSTRAINT escrow_conservation CHECK (received_minor = held_minor + suspense_minor + due_seller_minor
    + due_buyer_minor + paid_out_minor + refunded_minor),
  DROP COLUMN disputed_minor;
