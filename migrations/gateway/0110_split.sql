-- migrate:up

-- 14: SETTLING, 15: SETTLED_SPLIT; and the offer to divide what is held that is open.
ALTER TABLE escrow_view
  ADD COLUMN split_number bigint NOT NULL DEFAULT 0,
  ADD COLUMN split_by uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN split_seller_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN split_buyer_minor bigint NOT NULL DEFAULT 0,
  DROP CONSTRAINT escrow_view_state_check,
  ADD CONSTRAINT escrow_view_state_check CHECK (state BETWEEN 0 AND 15),
  DROP CONSTRAINT escrow_view_deadline_state_check,
  ADD CONSTRAINT escrow_view_deadline_state_check CHECK (deadline_state BETWEEN 0 AND 15);
ALTER TABLE escrow_timeline
  DROP CONSTRAINT escrow_timeline_state_check,
  ADD CONSTRAINT escrow_timeline_state_check CHECK (state BETWEEN 1 AND 15);

-- migrate:down

ALTER TABLE escrow_timeline
  DROP CONSTRAINT escrow_timeline_state_check,
  ADD CONSTRAINT escrow_timeline_state_check CHECK (state BETWEEN 1 AND 13);
ALTER TABLE escrow_view
  DROP COLUMN split_number,
  DROP COLUMN split_by,
  DROP COLUMN split_seller_minor,
  DROP COLUMN split_buyer_minor,
  DROP CONSTRAINT escrow_view_state_check,
  ADD CONSTRAINT escrow_view_state_check CHECK (state BETWEEN 0 AND 13),
  DROP CONSTRAINT escrow_view_deadline_state_check,
  ADD CONSTRAINT escrow_view_deadline_state_check CHECK (deadline_state BETWEEN 0 AND 13);
