-- migrate:up

-- Fees: the buyer's on top of the price, the seller's out of it. Division of bigint rounds down, as base/fee.h does.
-- The defaults are what a deal without fees has.
ALTER TABLE escrow
  ADD COLUMN buyer_fee_basis_points bigint NOT NULL DEFAULT 0 CHECK (buyer_fee_basis_points BETWEEN 0 AND 10000),
  ADD COLUMN buyer_fee_fixed_minor bigint NOT NULL DEFAULT 0 CHECK (buyer_fee_fixed_minor BETWEEN 0 AND 1000000),
  ADD COLUMN seller_fee_basis_points bigint NOT NULL DEFAULT 0 CHECK (seller_fee_basis_points BETWEEN 0 AND 10000),
  ADD COLUMN seller_fee_fixed_minor bigint NOT NULL DEFAULT 0 CHECK (seller_fee_fixed_minor BETWEEN 0 AND 1000000),
  ADD COLUMN buyer_fee_refundable boolean NOT NULL DEFAULT true,
  ADD COLUMN buyer_fee_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN seller_fee_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN fee_deferred_minor bigint NOT NULL DEFAULT 0 CHECK (fee_deferred_minor >= 0), -- the buyer's, while the price is held or disputed
  ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),                   -- earned
  ADD CONSTRAINT escrow_buyer_fee
    CHECK (buyer_fee_minor = price_minor * buyer_fee_basis_points / 10000 + buyer_fee_fixed_minor),
  ADD CONSTRAINT escrow_seller_fee
    CHECK (seller_fee_minor = price_minor * seller_fee_basis_points / 10000 + seller_fee_fixed_minor
           AND seller_fee_minor < price_minor), -- something is left for the seller
  -- Put aside where the price is held; earned when the price leaves, unless the buyer's fee goes back with it.
  ADD CONSTRAINT escrow_fee_deferred
    CHECK (fee_deferred_minor = CASE WHEN state IN (3, 4, 11, 12, 13) THEN buyer_fee_minor ELSE 0 END),
  ADD CONSTRAINT escrow_fee_earned
    CHECK (fee_minor = CASE WHEN state IN (5, 6) THEN buyer_fee_minor + seller_fee_minor
           WHEN state IN (7, 8) AND NOT buyer_fee_refundable THEN buyer_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_conservation,
  ADD CONSTRAINT escrow_conservation
    CHECK (received_minor = held_minor + disputed_minor + suspense_minor + due_seller_minor + due_buyer_minor
           + paid_out_minor + refunded_minor + fee_deferred_minor + fee_minor),
  -- The seller gets the price less the seller's fee; a refund may give the buyer's fee back.
  DROP CONSTRAINT escrow_due_seller,
  ADD CONSTRAINT escrow_due_seller
    CHECK (due_seller_minor = CASE WHEN state = 5 THEN price_minor - seller_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_paid_out,
  ADD CONSTRAINT escrow_paid_out
    CHECK (paid_out_minor = CASE WHEN state = 6 THEN price_minor - seller_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_payout_failed,
  ADD CONSTRAINT escrow_payout_failed
    CHECK (payout_failed_minor = 0 OR (state = 5 AND payout_failed_minor = price_minor - seller_fee_minor)),
  DROP CONSTRAINT escrow_refunding,
  ADD CONSTRAINT escrow_refunding CHECK (state <> 7 OR
    due_buyer_minor >= price_minor + CASE WHEN buyer_fee_refundable THEN buyer_fee_minor ELSE 0 END),
  DROP CONSTRAINT escrow_refunded,
  ADD CONSTRAINT escrow_refunded CHECK (state <> 8 OR
    refunded_minor >= price_minor + CASE WHEN buyer_fee_refundable THEN buyer_fee_minor ELSE 0 END);
-- 8: FEE_DEFERRED, 9: FEE_INC.
ALTER TABLE transfer
  DROP CONSTRAINT transfer_debit_check,
  ADD CONSTRAINT transfer_debit_check CHECK (debit BETWEEN 1 AND 9),
  DROP CONSTRAINT transfer_credit_check,
  ADD CONSTRAINT transfer_credit_check CHECK (credit BETWEEN 1 AND 9);

-- migrate:down

ALTER TABLE transfer
  DROP CONSTRAINT transfer_debit_check,
  ADD CONSTRAINT transfer_debit_check CHECK (debit BETWEEN 1 AND 7),
  DROP CONSTRAINT transfer_credit_check,
  ADD CONSTRAINT transfer_credit_check CHECK (credit BETWEEN 1 AND 7);
ALTER TABLE escrow
  DROP CONSTRAINT escrow_buyer_fee,
  DROP CONSTRAINT escrow_seller_fee,
  DROP CONSTRAINT escrow_fee_deferred,
  DROP CONSTRAINT escrow_fee_earned,
  DROP CONSTRAINT escrow_conservation,
  ADD CONSTRAINT escrow_conservation
    CHECK (received_minor = held_minor + disputed_minor + suspense_minor + due_seller_minor + due_buyer_minor
           + paid_out_minor + refunded_minor),
  DROP CONSTRAINT escrow_due_seller,
  ADD CONSTRAINT escrow_due_seller CHECK (due_seller_minor = CASE WHEN state = 5 THEN price_minor ELSE 0 END),
  DROP CONSTRAINT escrow_paid_out,
  ADD CONSTRAINT escrow_paid_out CHECK (paid_out_minor = CASE WHEN state = 6 THEN price_minor ELSE 0 END),
  DROP CONSTRAINT escrow_payout_failed,
  ADD CONSTRAINT escrow_payout_failed
    CHECK (payout_failed_minor = 0 OR (state = 5 AND payout_failed_minor = price_minor)),
  DROP CONSTRAINT escrow_refunding,
  ADD CONSTRAINT escrow_refunding CHECK (state <> 7 OR due_buyer_minor >= price_minor),
  DROP CONSTRAINT escrow_refunded,
  ADD CONSTRAINT escrow_refunded CHECK (state <> 8 OR refunded_minor >= price_minor),
  DROP COLUMN buyer_fee_basis_points,
  DROP COLUMN buyer_fee_fixed_minor,
  DROP COLUMN seller_fee_basis_points,
  DROP COLUMN seller_fee_fixed_minor,
  DROP COLUMN buyer_fee_refundable,
  DROP COLUMN buyer_fee_minor,
  DROP COLUMN seller_fee_minor,
  DROP COLUMN fee_deferred_minor,
  DROP COLUMN fee_minor;
