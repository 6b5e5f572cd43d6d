-- migrate:up

-- The buyer is asked for the price and this.
ALTER TABLE deal ADD COLUMN buyer_fee_minor bigint NOT NULL DEFAULT 0 CHECK (buyer_fee_minor >= 0);

-- migrate:down

ALTER TABLE deal DROP COLUMN buyer_fee_minor;
