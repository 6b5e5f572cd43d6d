-- migrate:up

-- All of it is timers, and their table is the engine's; these are the kinds that this service has.
ALTER TABLE timer ADD CONSTRAINT timer_kinds CHECK (kind IN (1, 2, 3)); -- funding, delivery, inspection

-- migrate:down

ALTER TABLE timer DROP CONSTRAINT timer_kinds;
