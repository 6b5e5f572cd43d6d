-- migrate:up

-- A parked message says what it is in columns of its own: a record of a topic, a timer, or the answer of an effect.
ALTER TABLE parked_message RENAME COLUMN topic TO source;
ALTER TABLE parked_message
  ADD COLUMN timer_kind smallint NOT NULL DEFAULT 0,
  ADD COLUMN timer_generation bigint NOT NULL DEFAULT 0,
  ADD COLUMN verdict smallint NOT NULL DEFAULT 0 CHECK (verdict IN (0, 1, 2)),  -- of an answer: done, failed
  ADD COLUMN http_status integer NOT NULL DEFAULT 0;                            -- of an answer; 0: it was given up
UPDATE parked_message SET source = 'timer', timer_kind = kafka_offset, timer_generation = n, kafka_offset = -1, n = 0
  WHERE source = '@timer';
UPDATE parked_message SET source = 'answer', verdict = CASE WHEN kafka_offset > 0 THEN 1 ELSE 2 END,
  http_status = abs(kafka_offset), kafka_offset = -1 WHERE source = '@effect';
ALTER TABLE parked_message ADD CONSTRAINT parked_message_is_of_its_source CHECK (CASE source
  WHEN 'timer' THEN timer_generation >= 1 AND verdict = 0 AND http_status = 0 AND kafka_offset = -1 AND n = 0
  WHEN 'answer' THEN verdict <> 0 AND timer_generation = 0 AND timer_kind = 0 AND kafka_offset = -1 AND n = 0
  ELSE kafka_offset >= 0 AND timer_generation = 0 AND timer_kind = 0 AND verdict = 0 AND http_status = 0 END);

-- migrate:down

ALTER TABLE parked_message DROP CONSTRAINT parked_message_is_of_its_source;
UPDATE parked_message SET source = '@timer', kafka_offset = timer_kind, n = timer_generation WHERE source = 'timer';
UPDATE parked_message SET source = '@effect', kafka_offset = CASE verdict WHEN 1 THEN http_status ELSE -http_status END
  WHERE source = 'answer';
ALTER TABLE parked_message
  DROP COLUMN timer_kind, DROP COLUMN timer_generation, DROP COLUMN verdict, DROP COLUMN http_status;
ALTER TABLE parked_message RENAME COLUMN source TO topic;
