-- migrate:up

-- 21 and 22: partially released, part paid.
ALTER TABLE delivery
  DROP CONSTRAINT delivery_notice_check,
  ADD CONSTRAINT delivery_notice_check CHECK (notice BETWEEN 1 AND 22);

-- migrate:down

ALTER TABLE delivery
  DROP CONSTRAINT delivery_notice_check,
  ADD CONSTRAINT delivery_notice_check CHECK (notice BETWEEN 1 AND 20);
