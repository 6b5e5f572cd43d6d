-- migrate:up

-- A database that was restored to an earlier moment: what its lanes had published since then is taken back from
-- their own topics, and every decision that led to it is made again and compared (ARCHITECTURE.md, "A database older than the log").

-- One row for each record that was taken back. Open until its decision was made again.
CREATE TABLE restored (
  id uuid PRIMARY KEY,               -- of the record
  key uuid NOT NULL,
  lane integer NOT NULL REFERENCES lane (p),
  topic text NOT NULL,
  n bigint NOT NULL CHECK (n >= 1),
  at_us bigint NOT NULL,             -- when it was decided first
  content bytea NOT NULL CHECK (octet_length(content) = 32),
  open boolean NOT NULL
);
CREATE INDEX restored_open_key ON restored (key) WHERE open;
CREATE INDEX restored_open_lane ON restored (lane, at_us) WHERE open;

-- A lane that makes decisions again, and up to where its inputs must be read before their order is known.
-- Gone when all is made again.
CREATE TABLE lane_restore (
  lane integer NOT NULL REFERENCES lane (p),
  topic text NOT NULL,
  until_offset bigint NOT NULL CHECK (until_offset >= 0),
  PRIMARY KEY (lane, topic)
);

-- migrate:down

DROP TABLE lane_restore, restored;
