-- migrate:up

-- 18 to 20: disputed, dispute withdrawn, dispute escalated.
ALTER TABLE delivery
  DROP CONSTRAINT delivery_notice_check,
  ADD CONSTRAINT delivery_notice_check CHECK (notice BETWEEN 1 AND 20);

-- migrate:down

ALTER TABLE delivery
  DROP CONSTRAINT delivery_notice_check,
  ADD CONSTRAINT delivery_notice_check CHECK (notice BETWEEN 1 AND 17);
