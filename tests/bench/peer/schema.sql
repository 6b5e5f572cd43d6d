-- The tables of escrow that its deals touch, with the same columns, keys and indexes; and an outbox as pollers want it.

CREATE TABLE escrow (
  id uuid PRIMARY KEY,
  currency smallint NOT NULL,
  price_minor bigint NOT NULL CHECK (price_minor > 0),
  marketplace_id uuid NOT NULL,
  buyer_id uuid NOT NULL,
  seller_id uuid NOT NULL CHECK (seller_id <> buyer_id),
  funding_seconds bigint NOT NULL,
  delivery_seconds bigint NOT NULL,
  inspection_seconds bigint NOT NULL,
  created_at timestamptz NOT NULL,
  version bigint NOT NULL CHECK (version >= 1),
  seq bigint NOT NULL CHECK (seq >= 1),
  state text NOT NULL,
  received_minor bigint NOT NULL CHECK (received_minor >= 0),
  held_minor bigint NOT NULL CHECK (held_minor >= 0),
  suspense_minor bigint NOT NULL CHECK (suspense_minor >= 0),
  due_seller_minor bigint NOT NULL CHECK (due_seller_minor >= 0),
  due_buyer_minor bigint NOT NULL CHECK (due_buyer_minor >= 0),
  paid_out_minor bigint NOT NULL CHECK (paid_out_minor >= 0),
  refunded_minor bigint NOT NULL CHECK (refunded_minor >= 0),
  deadline_at timestamptz,
  updated_at timestamptz NOT NULL,
  chain_head bytea NOT NULL,
  seller_account text NOT NULL,
  description text NOT NULL,
  CHECK (received_minor = held_minor + suspense_minor + due_seller_minor + due_buyer_minor
         + paid_out_minor + refunded_minor)
) WITH (fillfactor = 70);

CREATE TABLE suspense (
  leg_id uuid PRIMARY KEY,
  escrow_id uuid NOT NULL REFERENCES escrow (id),
  state text NOT NULL,
  currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX suspense_escrow ON suspense (escrow_id);

CREATE TABLE transition (
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL,
  event text NOT NULL,
  from_state text,
  to_state text NOT NULL,
  cause_id uuid NOT NULL,
  actor_id uuid NOT NULL,
  at timestamptz NOT NULL,
  prev_hash bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (escrow_id, seq)
);

CREATE TABLE transfer (
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL,
  ordinal smallint NOT NULL,
  debit text NOT NULL,
  credit text NOT NULL,
  currency text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  leg_id uuid,
  PRIMARY KEY (escrow_id, seq, ordinal)
);

CREATE TABLE inbox (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE outbox (
  id bigserial PRIMARY KEY,
  message_id uuid NOT NULL,
  topic text NOT NULL,
  key uuid NOT NULL,
  type text NOT NULL,
  payload text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
