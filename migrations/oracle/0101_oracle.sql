-- migrate:up

-- All of it is timers, and their table is the engine's; these are the kinds that this service has: funding, delivery,
-- inspection, answer, dispute, escalation.
ALTER TABLE timer ADD CONSTRAINT timer_kinds CHECK (kind BETWEEN 1 AND 6);

-- migrate:down

ALTER TABLE timer DROP CONSTRAINT timer_kinds;
