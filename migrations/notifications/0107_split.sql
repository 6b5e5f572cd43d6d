-- migrate:up

-- 23 and 24: an offer to divide what is held, and that the two agreed.
ALTER TABLE delivery
  DROP CONSTRAINT delivery_notice_check,
  ADD CONSTRAINT delivery_notice_check CHECK (notice BETWEEN 1 AND 24);

-- migrate:down

ALTER TABLE delivery
  DROP CONSTRAINT delivery_notice_check,
  ADD CONSTRAINT delivery_notice_check CHECK (notice BETWEEN 1 AND 22);
