-- migrate:up

-- 12: DISPUTED, 13: ESCALATED.
ALTER TABLE escrow_view
  DROP CONSTRAINT escrow_view_state_check,
  ADD CONSTRAINT escrow_view_state_check CHECK (state BETWEEN 0 AND 13),
  DROP CONSTRAINT escrow_view_deadline_state_check,
  ADD CONSTRAINT escrow_view_deadline_state_check CHECK (deadline_state BETWEEN 0 AND 13);
ALTER TABLE escrow_timeline
  DROP CONSTRAINT escrow_timeline_state_check,
  ADD CONSTRAINT escrow_timeline_state_check CHECK (state BETWEEN 1 AND 13);
ALTER TABLE escrow_view ADD COLUMN disputed_minor bigint NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE escrow_view DROP COLUMN disputed_minor;
ALTER TABLE escrow_view
  DROP CONSTRAINT escrow_view_state_check,
  ADD CONSTRAINT escrow_view_state_check CHECK (state BETWEEN 0 AND 11),
  DROP CONSTRAINT escrow_view_deadline_state_check,
  ADD CONSTRAINT escrow_view_deadline_state_check CHECK (deadline_state BETWEEN 0 AND 11);
ALTER TABLE escrow_timeline
  DROP CONSTRAINT escrow_timeline_state_check,
  ADD CONSTRAINT escrow_timeline_state_check CHECK (state BETWEEN 1 AND 11);
