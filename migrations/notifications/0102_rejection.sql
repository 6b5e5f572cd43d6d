-- migrate:up

-- 17: rejected.
ALTER TABLE delivery
  DROP CONSTRAINT delivery_notice_check,
  ADD CONSTRAINT delivery_notice_check CHECK (notice BETWEEN 1 AND 17);

-- migrate:down

ALTER TABLE delivery
  DROP CONSTRAINT delivery_notice_check,
  ADD CONSTRAINT delivery_notice_check CHECK (notice BETWEEN 1 AND 16);
