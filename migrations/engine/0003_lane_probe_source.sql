-- migrate:up

-- What is about to be tried after an unclean end, the last of each source of a lane: a record of a topic, a timer, the
-- answer of an effect. The third try parks it unread.
ALTER TABLE lane_probe RENAME COLUMN topic TO source;
ALTER TABLE lane_probe ADD COLUMN item_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE lane_probe DROP CONSTRAINT lane_probe_pkey, ADD PRIMARY KEY (lane, source);

-- migrate:down

DELETE FROM lane_probe WHERE source NOT LIKE '%.%';
DELETE FROM lane_probe l USING lane_probe m WHERE l.lane = m.lane AND l.source > m.source;
ALTER TABLE lane_probe DROP CONSTRAINT lane_probe_pkey, ADD PRIMARY KEY (lane);
ALTER TABLE lane_probe DROP COLUMN item_id;
ALTER TABLE lane_probe RENAME COLUMN source TO topic;
