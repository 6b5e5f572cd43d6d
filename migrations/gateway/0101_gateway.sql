-- migrate:up

-- API tokens: only their SHA-256 is kept. Made by `holdfastctl token create`.
CREATE TABLE api_token (
  hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  kind smallint NOT NULL CHECK (kind IN (1, 2, 3)),  -- user, marketplace, staff (engine_actor_kind)
  account_id uuid NOT NULL,                          -- the user, marketplace or staff member
  label text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT 'infinity',
  revoked_at timestamptz
);

-- What a CreateEscrow that is not decided yet was about, so that GET shows PENDING to its parties.
CREATE TABLE escrow_pending (
  id uuid PRIMARY KEY,               -- the escrow's id
  command_id uuid NOT NULL,
  marketplace_id uuid NOT NULL,
  buyer_id uuid NOT NULL,
  seller_id uuid NOT NULL,
  currency smallint NOT NULL,
  price_minor bigint NOT NULL,
  created_at_us bigint NOT NULL
);

-- The read model of one escrow, built from events by the gateway's own lanes.
CREATE TABLE escrow_view (
  id uuid PRIMARY KEY,
  version bigint NOT NULL,
  seq bigint NOT NULL,
  state smallint NOT NULL CHECK (state IN (1, 2, 3, 4, 5, 6, 7, 8, 9)),
  currency smallint NOT NULL,
  price_minor bigint NOT NULL,
  received_minor bigint NOT NULL,
  held_minor bigint NOT NULL,
  suspense_minor bigint NOT NULL,
  due_seller_minor bigint NOT NULL,
  due_buyer_minor bigint NOT NULL,
  paid_out_minor bigint NOT NULL,
  refunded_minor bigint NOT NULL,
  payout_failed_minor bigint NOT NULL,
  refund_failed_minor bigint NOT NULL,
  payment_setup_failed boolean NOT NULL,
  foreign_money boolean NOT NULL,
  marketplace_id uuid NOT NULL,
  buyer_id uuid NOT NULL,
  seller_id uuid NOT NULL,
  seller_account text NOT NULL,
  inspection_seconds bigint NOT NULL,
  description text NOT NULL,
  payment_ref text NOT NULL,
  payment_client_secret text NOT NULL, -- shown to the buyer alone
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX escrow_view_buyer ON escrow_view (buyer_id, id);
CREATE INDEX escrow_view_seller ON escrow_view (seller_id, id);
CREATE INDEX escrow_view_marketplace ON escrow_view (marketplace_id, id);

CREATE TABLE escrow_timeline (
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL,
  type text NOT NULL,                -- "EscrowFundsHeld"
  state smallint NOT NULL,
  amount_minor bigint NOT NULL,      -- 0: not about an amount
  note text NOT NULL,                -- a reason or a failure code; empty: none
  actor_kind smallint NOT NULL,
  actor_id uuid NOT NULL,
  at_us bigint NOT NULL,
  PRIMARY KEY (escrow_id, seq)
);

-- migrate:down

DROP TABLE escrow_timeline, escrow_view, escrow_pending, api_token;
