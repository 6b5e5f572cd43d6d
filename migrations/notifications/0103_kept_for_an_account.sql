-- migrate:up

-- What was told to somebody of whom no account was known may be kept open: it is taken up when one becomes known.
ALTER TABLE delivery
  DROP CONSTRAINT delivery_check,
  ADD CONSTRAINT delivery_open_check CHECK (CASE state WHEN 1 THEN open WHEN 3 THEN true ELSE NOT open END),
  ADD COLUMN taken_up_at_us bigint NOT NULL DEFAULT 0 CHECK (taken_up_at_us >= 0); -- 0: the account was known

-- migrate:down

UPDATE delivery SET open = false WHERE state = 3;
ALTER TABLE delivery
  DROP COLUMN taken_up_at_us,
  DROP CONSTRAINT delivery_open_check,
  ADD CONSTRAINT delivery_check CHECK (open = (state = 1));
