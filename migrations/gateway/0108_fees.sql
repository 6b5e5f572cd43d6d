-- migrate:up

-- The terms of fees; the defaults are those of a deal that has none.
ALTER TABLE escrow_pending
  ADD COLUMN buyer_fee_basis_points bigint NOT NULL DEFAULT 0,
  ADD COLUMN buyer_fee_fixed_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN seller_fee_basis_points bigint NOT NULL DEFAULT 0,
  ADD COLUMN seller_fee_fixed_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN buyer_fee_refundable boolean NOT NULL DEFAULT true;
ALTER TABLE escrow_view
  ADD COLUMN buyer_fee_basis_points bigint NOT NULL DEFAULT 0,
  ADD COLUMN buyer_fee_fixed_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN seller_fee_basis_points bigint NOT NULL DEFAULT 0,
  ADD COLUMN seller_fee_fixed_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN buyer_fee_refundable boolean NOT NULL DEFAULT true,
  ADD COLUMN fee_deferred_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE escrow_view
  DROP COLUMN buyer_fee_basis_points,
  DROP COLUMN buyer_fee_fixed_minor,
  DROP COLUMN seller_fee_basis_points,
  DROP COLUMN seller_fee_fixed_minor,
  DROP COLUMN buyer_fee_refundable,
  DROP COLUMN fee_deferred_minor,
  DROP COLUMN fee_minor;
ALTER TABLE escrow_pending
  DROP COLUMN buyer_fee_basis_points,
  DROP COLUMN buyer_fee_fixed_minor,
  DROP COLUMN seller_fee_basis_points,
  DROP COLUMN seller_fee_fixed_minor,
  DROP COLUMN buyer_fee_refundable;
