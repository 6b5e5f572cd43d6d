-- migrate:up

-- One row for each escrow that payments was asked to do something for.
CREATE TABLE payment (
  escrow_id uuid PRIMARY KEY,
  version bigint NOT NULL CHECK (version >= 1),
  seq bigint NOT NULL CHECK (seq >= 0),        -- of payments.events.v1 for this escrow
  cancel_wanted boolean NOT NULL,
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL
) WITH (fillfactor = 70);

-- One provider operation each.
CREATE TABLE leg (
  id uuid PRIMARY KEY,
  escrow_id uuid NOT NULL REFERENCES payment (escrow_id) DEFERRABLE INITIALLY DEFERRED,
  version bigint NOT NULL CHECK (version >= 1),
  kind smallint NOT NULL CHECK (kind IN (1, 2, 3)),              -- in, transfer, refund
  state smallint NOT NULL CHECK (state IN (1, 2, 3, 4, 5)),      -- asked, open, done, failed, canceled
  rail smallint NOT NULL CHECK (rail IN (1)),                    -- stripe
  currency smallint NOT NULL CHECK (currency IN (1)),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  received_minor bigint NOT NULL CHECK (received_minor >= 0),    -- in: what the provider received
  received_currency text NOT NULL,                               -- in: as the provider says, upper case
  provider_ref text NOT NULL,                                    -- pi_, tr_, re_; empty until known
  charge_ref text NOT NULL,                                      -- in: the charge that paid it, or was declined last (ch_)
  destination text NOT NULL,                                     -- transfer: the seller's account
  paid_leg_id uuid NOT NULL,                                     -- transfer, refund: the leg whose money it is
  failure_code text NOT NULL,
  look_at_us bigint NOT NULL CHECK (look_at_us >= 0),            -- when the provider is asked about it; 0: settled, or asked now
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  CHECK ((received_minor > 0) = (kind = 1 AND state = 3)),       -- credited exactly when paid
  CHECK ((received_minor > 0) = (received_currency <> '')),
  CHECK ((destination <> '') = (kind = 2)),
  CHECK (state <> 5 OR kind = 1),                                -- only intents are canceled
  CHECK (look_at_us = 0 OR state IN (1, 2))                      -- nothing more is heard of what is settled
) WITH (fillfactor = 70);
CREATE INDEX leg_escrow ON leg (escrow_id);

-- Raw provider calls to us, verified, kept as received: the first arrival of each event id.
CREATE TABLE webhook (
  id uuid PRIMARY KEY,               -- UUIDv5 of provider and event id
  provider text NOT NULL,
  event_id text NOT NULL,
  event_type text NOT NULL,
  disposition smallint NOT NULL CHECK (disposition IN (1, 2, 3)), -- signalled, ignored, unmatched
  body bytea NOT NULL,
  received_at_us bigint NOT NULL,
  UNIQUE (provider, event_id),
  CHECK (octet_length(body) <= 262144)
);

-- migrate:down

DROP TABLE webhook, leg, payment;
