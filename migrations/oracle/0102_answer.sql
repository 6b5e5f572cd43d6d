-- migrate:up

ALTER TABLE timer DROP CONSTRAINT timer_kinds;
ALTER TABLE timer ADD CONSTRAINT timer_kinds CHECK (kind BETWEEN 1 AND 4); -- funding, delivery, inspection, answer

-- migrate:down

ALTER TABLE timer DROP CONSTRAINT timer_kinds;
ALTER TABLE timer ADD CONSTRAINT timer_kinds CHECK (kind IN (1, 2, 3));
