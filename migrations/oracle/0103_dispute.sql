-- migrate:up

ALTER TABLE timer DROP CONSTRAINT timer_kinds;
ALTER TABLE timer ADD CONSTRAINT timer_kinds CHECK (kind BETWEEN 1 AND 6); -- … answer, dispute, escalation

-- migrate:down

ALTER TABLE timer DROP CONSTRAINT timer_kinds;
ALTER TABLE timer ADD CONSTRAINT timer_kinds CHECK (kind BETWEEN 1 AND 4);
