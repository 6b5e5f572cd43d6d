-- migrate:up

-- Who has a Discord id within a marketplace, written by the lane of the claim's id alone, which is made of the two. So two
-- users of a marketplace never have the same, though each of them has a lane of its own.
CREATE TABLE discord_claim (
  id uuid PRIMARY KEY,
  version bigint NOT NULL CHECK (version >= 1),
  user_id uuid NOT NULL,                       -- zeros: it is free
  grants bigint NOT NULL CHECK (grants >= 0),  -- to that user, and not given back
  CHECK ((grants = 0) = (user_id = '00000000-0000-0000-0000-000000000000'))
) WITH (fillfactor = 70);

-- migrate:down

DROP TABLE discord_claim;
