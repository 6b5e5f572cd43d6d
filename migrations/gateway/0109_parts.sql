-- migrate:up

ALTER TABLE escrow_view ADD COLUMN released_minor bigint NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE escrow_view DROP COLUMN released_minor;
