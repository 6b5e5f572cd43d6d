-- migrate:up

-- The parties of an escrow and its terms, from its first event. Never changes.
CREATE TABLE deal (
  escrow_id uuid PRIMARY KEY,
  version bigint NOT NULL CHECK (version >= 1),
  buyer_id uuid NOT NULL,
  seller_id uuid NOT NULL,
  arbiter_id uuid NOT NULL,               -- zeros: none
  currency smallint NOT NULL CHECK (currency IN (1)),
  price_minor bigint NOT NULL CHECK (price_minor > 0),
  description text NOT NULL,
  created_at_us bigint NOT NULL,
  buyer_fee_minor bigint NOT NULL DEFAULT 0 CHECK (buyer_fee_minor >= 0) -- the buyer is asked for the price and this
);

-- Where a person is reached. Made by the accounts' events, or by the first thing to be told.
CREATE TABLE recipient (
  user_id uuid PRIMARY KEY,
  version bigint NOT NULL CHECK (version >= 1),
  discord_id text NOT NULL CHECK (discord_id ~ '^[0-9]{0,20}$'),   -- empty: cannot be reached
  channel_id text NOT NULL CHECK (channel_id ~ '^[0-9]{0,20}$'),   -- empty: not opened yet
  asking smallint NOT NULL CHECK (asking IN (0, 1, 2)),            -- nothing, channel, message: at most one call
  told_n bigint NOT NULL CHECK (told_n >= 0),
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  CHECK (channel_id = '' OR discord_id <> '')
) WITH (fillfactor = 70);

-- One thing told to one person, once.
CREATE TABLE delivery (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES recipient (user_id) DEFERRABLE INITIALLY DEFERRED,
  open boolean NOT NULL,
  version bigint NOT NULL CHECK (version >= 1),
  n bigint NOT NULL CHECK (n >= 1),
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),                            -- the event's place in its escrow
  notice smallint NOT NULL CHECK (notice BETWEEN 1 AND 29),
  role smallint NOT NULL CHECK (role IN (1, 2, 3)),                -- buyer, seller, arbiter
  state smallint NOT NULL CHECK (state IN (1, 2, 3, 4, 5, 6, 7)),  -- waiting, sent, no channel, closed, failed, expired, dropped
  content text NOT NULL,
  code text NOT NULL,
  message_ref text NOT NULL,                                       -- Discord's id of the message
  happened_at_us bigint NOT NULL,
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  taken_up_at_us bigint NOT NULL DEFAULT 0 CHECK (taken_up_at_us >= 0), -- 0: the account was known
  UNIQUE (user_id, n),
  UNIQUE (escrow_id, seq, role),                                   -- once, whoever the parties are
  -- What was told to somebody of whom no account was known may be kept open: it is taken up when one becomes known.
  CONSTRAINT delivery_open_check CHECK (CASE state WHEN 1 THEN open WHEN 3 THEN true ELSE NOT open END),
  CHECK ((message_ref <> '') = (state = 2))
) WITH (fillfactor = 70);
CREATE INDEX delivery_open ON delivery (user_id) WHERE open;

-- migrate:down

DROP TABLE delivery, recipient, deal;
