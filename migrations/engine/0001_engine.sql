-- migrate:up

-- The engine's own tables. Applied to the schema of every service that runs lanes
-- (search_path names it). Times are microseconds since 1970 by this database's clock.

CREATE FUNCTION now_us() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;

-- Raises when a statement did not touch the number of rows it was written for.
CREATE FUNCTION assert_rows(touched bigint, wanted bigint) RETURNS bigint LANGUAGE plpgsql AS
$$ BEGIN
  IF touched <> wanted THEN
    RAISE EXCEPTION 'wrong row count: % of %', touched, wanted USING ERRCODE = 'HF001';
  END IF;
  RETURN touched;
END $$;

-- Sandbox time: what fences add to this clock, so that a week passes at once. Read in development and test only; any
-- other service refuses to start while it is not zero. Leases and the publishing of intakes never add it.
CREATE TABLE clock (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), -- row
  offset_us bigint NOT NULL DEFAULT 0 CHECK (offset_us >= 0)
);
INSERT INTO clock DEFAULT VALUES;

CREATE FUNCTION clock_goes_forward() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF TG_OP = 'DELETE' OR NEW.offset_us < OLD.offset_us THEN
    RAISE EXCEPTION 'sandbox time goes forward only' USING ERRCODE = 'HF001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER clock_forward BEFORE UPDATE OR DELETE ON clock FOR EACH ROW EXECUTE FUNCTION clock_goes_forward();

-- An engine thread that is alive as long as its lease.
CREATE TABLE owner (
  id uuid PRIMARY KEY,
  pid integer NOT NULL,              -- its backend, terminated by whoever takes a lane over
  lease_until_us bigint NOT NULL,
  started_at_us bigint NOT NULL
) WITH (fillfactor = 50);

-- The lock of everything that lane p owns. One row has one writer: its lane.
CREATE TABLE lane (
  p integer PRIMARY KEY CHECK (p >= 0 AND p < 12),
  epoch bigint NOT NULL DEFAULT 0,
  owner uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  pid integer NOT NULL DEFAULT 0,
  clean boolean NOT NULL DEFAULT true,
  last_at_us bigint NOT NULL DEFAULT 0,
  stopped text NOT NULL DEFAULT ''   -- why; empty: runs
) WITH (fillfactor = 50);
INSERT INTO lane (p) SELECT generate_series(0, 11);

-- How far lane p has read a topic.
CREATE TABLE lane_in (
  lane integer NOT NULL REFERENCES lane (p),
  topic text NOT NULL,
  next_offset bigint NOT NULL CHECK (next_offset >= 0),
  last_n bigint NOT NULL CHECK (last_n >= 0),
  last_at_us bigint NOT NULL,
  PRIMARY KEY (lane, topic)
) WITH (fillfactor = 50);

-- How far lane p has written a topic, up to which n everything is acknowledged, and from which n on the outbox
-- still has it.
CREATE TABLE lane_out (
  lane integer NOT NULL REFERENCES lane (p),
  topic text NOT NULL,
  next_n bigint NOT NULL CHECK (next_n >= 1),
  published_n bigint NOT NULL CHECK (published_n >= 0),
  first_n bigint NOT NULL CHECK (first_n >= 1),
  PRIMARY KEY (lane, topic),
  CHECK (published_n < next_n),
  CHECK (first_n <= published_n + 1)
) WITH (fillfactor = 50);

-- Which Kafka cluster a lane's cursors speak of; another one stops the lane.
CREATE TABLE lane_cluster (
  lane integer PRIMARY KEY REFERENCES lane (p),
  cluster_id text NOT NULL
);

-- What was decided to be published: append-only, numbered by its lane, which deletes what was published
-- long ago. The columns that Debezium's outbox event router wants (id, aggregatetype, aggregateid, type,
-- payload) are there: aggregatetype, which it routes by, is the topic's name, and topic its number in
-- topology.yaml, for an index of numbers is a fifth of what an insert costs cheaper.
CREATE TABLE outbox (
  lane integer NOT NULL,
  topic smallint NOT NULL CHECK (topic >= 1),
  n bigint NOT NULL CHECK (n >= 1),
  id uuid NOT NULL,
  aggregatetype text NOT NULL,
  aggregateid uuid NOT NULL,
  type text NOT NULL,
  payload bytea NOT NULL CHECK (octet_length(payload) <= 262144),
  committed_at_us bigint NOT NULL,
  causation_id uuid NOT NULL,
  PRIMARY KEY (lane, topic, n)
);

-- Messages of intake topics that were decided. Lane-written topics need only lane_in.last_n.
CREATE TABLE inbox (
  id uuid PRIMARY KEY,
  key uuid NOT NULL,
  content bytea NOT NULL CHECK (octet_length(content) = 32),
  lane integer NOT NULL,
  at_us bigint NOT NULL
);

-- Requests from outside, durable before they are answered, open until their outcome.
CREATE TABLE intake (
  id uuid PRIMARY KEY,
  lane integer NOT NULL,
  topic text NOT NULL,
  key uuid NOT NULL,
  type text NOT NULL,
  payload bytea NOT NULL CHECK (octet_length(payload) <= 262144),
  content bytea NOT NULL CHECK (octet_length(content) = 32),
  account uuid NOT NULL,             -- who may see it
  created_at_us bigint NOT NULL,
  due_at_us bigint NOT NULL,         -- when it is published again, while open
  attempts integer NOT NULL,
  open boolean NOT NULL,
  outcome smallint NOT NULL CHECK (outcome IN (0, 1, 2)),  -- none, accepted, rejected
  outcome_code text NOT NULL,
  outcome_sentence text NOT NULL,
  closed_at_us bigint NOT NULL,
  CHECK (open = (outcome = 0))
) WITH (fillfactor = 70);
-- A large payload lies by itself, uncompressed, and is not touched when the row is closed.
ALTER TABLE intake ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE INDEX intake_open ON intake (lane, due_at_us) WHERE open;

-- Calls to the outside: written down before they are tried.
CREATE TABLE effect (
  id uuid PRIMARY KEY,               -- also the idempotency key
  lane integer NOT NULL,
  key uuid NOT NULL,
  kind smallint NOT NULL,            -- the service's own enum
  subject uuid NOT NULL,             -- what it is about: the leg
  correlation_id uuid NOT NULL,      -- of the request that led to it
  request bytea NOT NULL,            -- frozen: every attempt sends these bytes
  state smallint NOT NULL CHECK (state IN (1, 2, 3, 4, 5)), -- waiting, sending, done, failed, unknown
  attempts integer NOT NULL CHECK (attempts >= 0),
  due_at_us bigint NOT NULL,
  caused_at_us bigint NOT NULL,      -- commit time of the record that caused it: the key's age
  open boolean NOT NULL,
  last_status integer NOT NULL,
  last_answer text NOT NULL,         -- the provider's error code, for people
  CHECK (open = (state IN (1, 2, 5)))
) WITH (fillfactor = 70);
CREATE INDEX effect_open ON effect (lane, due_at_us) WHERE open;

-- What is to happen at a moment: at most one of each (key, kind). Closed rows stay: they know the highest generation.
CREATE TABLE timer (
  key uuid NOT NULL,
  kind smallint NOT NULL CHECK (kind >= 1), -- the service's own enum
  lane integer NOT NULL,
  generation bigint NOT NULL CHECK (generation >= 1), -- a higher one replaces it
  due_at_us bigint NOT NULL,
  correlation_id uuid NOT NULL,      -- of the request that led to it
  state smallint NOT NULL CHECK (state IN (1, 2, 3, 4)), -- waiting, parked, fired, canceled
  open boolean NOT NULL,             -- it waits for its moment
  closed_at_us bigint NOT NULL,
  PRIMARY KEY (key, kind),
  CHECK (open = (state = 1)),
  CHECK (open = (closed_at_us = 0)),
  CHECK (state <> 3 OR closed_at_us >= due_at_us)
) WITH (fillfactor = 70);
CREATE INDEX timer_open ON timer (lane, due_at_us) WHERE open;

-- A key whose messages wait for a person (or for a missing creation).
CREATE TABLE parked_key (
  key uuid PRIMARY KEY,
  lane integer NOT NULL,
  reason text NOT NULL,              -- the error code
  missing boolean NOT NULL,          -- released by the message that creates the aggregate
  since_us bigint NOT NULL,
  next_seq bigint NOT NULL CHECK (next_seq >= 1)
);
CREATE INDEX parked_key_lane ON parked_key (lane);

CREATE TABLE parked_message (
  key uuid NOT NULL REFERENCES parked_key (key),
  seq bigint NOT NULL CHECK (seq >= 1),
  lane integer NOT NULL,
  topic text NOT NULL,
  kafka_offset bigint NOT NULL,
  n bigint NOT NULL,
  message_id uuid NOT NULL,
  committed_at_us bigint NOT NULL,
  value bytea NOT NULL,
  at_us bigint NOT NULL,
  PRIMARY KEY (key, seq)
);

-- Records that belong to no key we can read.
CREATE TABLE quarantine (
  topic text NOT NULL,
  lane integer NOT NULL,
  kafka_offset bigint NOT NULL,
  n bigint NOT NULL,
  reason text NOT NULL,
  key bytea NOT NULL,
  value bytea NOT NULL,
  at_us bigint NOT NULL,
  PRIMARY KEY (topic, lane, kafka_offset)
);

-- The record about to be tried after an unclean end: the third try parks it undecoded.
CREATE TABLE lane_probe (
  lane integer PRIMARY KEY REFERENCES lane (p),
  topic text NOT NULL,
  kafka_offset bigint NOT NULL,
  tries integer NOT NULL CHECK (tries >= 0)
) WITH (fillfactor = 50);

-- What a person asks of a lane's owner, who alone writes the lane's rows.
CREATE TABLE admin_request (
  id uuid PRIMARY KEY,
  lane integer NOT NULL,
  kind smallint NOT NULL CHECK (kind IN (1, 2, 3, 4, 5, 6, 7, 8, 9)), -- park retry, park drop, bus republish, restore, replay, settle, quarantine drop, switch off, switch on
  key uuid NOT NULL,                 -- replay: of what was kept; settle: of the effect
  topic text NOT NULL,
  n bigint NOT NULL,                 -- quarantine drop: the record's offset
  verdict smallint NOT NULL DEFAULT 0 CHECK (verdict IN (0, 1, 2)), -- settle: done, failed
  answer text NOT NULL DEFAULT '',   -- settle: the object's name at the other side, where it was done
  content bytea NOT NULL DEFAULT '' CHECK (octet_length(content) IN (0, 32)), -- settle: SHA-256 of the frozen request
  reason text NOT NULL DEFAULT '',   -- why, in the words of who asked
  requested_by text NOT NULL,
  approved_by text NOT NULL,         -- the second person, where one is needed
  created_at_us bigint NOT NULL,
  open boolean NOT NULL,
  result text NOT NULL,
  done_at_us bigint NOT NULL
);
CREATE INDEX admin_request_open ON admin_request (lane, created_at_us) WHERE open;
CREATE INDEX admin_request_switch ON admin_request (topic, done_at_us) WHERE kind IN (8, 9); -- the last one is how it stands

-- migrate:down

DROP TABLE admin_request, lane_probe, quarantine, parked_message, parked_key, timer, effect, intake, inbox,
  outbox, lane_cluster, lane_out, lane_in, lane, owner, clock;
DROP FUNCTION clock_goes_forward(), assert_rows(bigint, bigint), now_us();
