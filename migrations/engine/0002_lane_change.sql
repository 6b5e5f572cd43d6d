-- migrate:up

-- What each batch of a lane changed, for whoever shows changes as they happen: written in the batch's own transaction,
-- told by a NOTIFY in it, and forgotten after ten minutes. Only services that tell (engine_service.tells) fill it.
-- at_us is the batch's time by the fence, which rises with every batch: the position of a reader in this lane.
CREATE TABLE lane_change (
  lane integer NOT NULL REFERENCES lane (p),
  at_us bigint NOT NULL,
  keys bytea NOT NULL CHECK (octet_length(keys) % 16 = 0),         -- aggregates that changed, 16 bytes each
  requests bytea NOT NULL CHECK (octet_length(requests) % 16 = 0), -- intake rows that were closed
  PRIMARY KEY (lane, at_us)
);

-- migrate:down

DROP TABLE lane_change;
