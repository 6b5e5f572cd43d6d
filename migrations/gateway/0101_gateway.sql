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
-- Written with the intake row and never changed; the view takes over as soon as it is there.
CREATE TABLE escrow_pending (
  id uuid PRIMARY KEY,               -- the escrow's id
  command_id uuid NOT NULL,
  marketplace_id uuid NOT NULL,
  buyer_id uuid NOT NULL,
  seller_id uuid NOT NULL,
  currency smallint NOT NULL,
  price_minor bigint NOT NULL,
  seller_account text NOT NULL,
  funding_seconds bigint NOT NULL,
  delivery_seconds bigint NOT NULL,
  inspection_seconds bigint NOT NULL,
  description text NOT NULL,
  created_at_us bigint NOT NULL,
  buyer_fee_basis_points bigint NOT NULL DEFAULT 0, -- the defaults are those of a deal that has no fees
  buyer_fee_fixed_minor bigint NOT NULL DEFAULT 0,
  seller_fee_basis_points bigint NOT NULL DEFAULT 0,
  seller_fee_fixed_minor bigint NOT NULL DEFAULT 0,
  buyer_fee_refundable boolean NOT NULL DEFAULT true,
  milestones text NOT NULL DEFAULT '', -- as in escrow_view
  arbiter_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- zeros and empty: no arbiter
  arbiter_key text NOT NULL DEFAULT ''
);

-- The read model of one escrow, built from events by the gateway's own lanes. State 0: payments told
-- of it before escrow did (two topics have no order between them); such a row is shown to nobody.
CREATE TABLE escrow_view (
  id uuid PRIMARY KEY,
  version bigint NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 0),
  state smallint NOT NULL CHECK (state BETWEEN 0 AND 16),
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
  funding_seconds bigint NOT NULL,
  delivery_seconds bigint NOT NULL,
  inspection_seconds bigint NOT NULL,
  deadline_at_us bigint NOT NULL,      -- when the deal goes on by itself; 0: no clock runs
  deadline_state smallint NOT NULL CHECK (deadline_state BETWEEN 0 AND 16), -- and what it then becomes
  description text NOT NULL,
  payment_ref text NOT NULL,           -- the provider's id of the payment; empty: not there yet
  payment_client_secret text NOT NULL, -- shown to the buyer alone
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  disputed_minor bigint NOT NULL DEFAULT 0,
  buyer_fee_basis_points bigint NOT NULL DEFAULT 0, -- the defaults are those of a deal that has no fees
  buyer_fee_fixed_minor bigint NOT NULL DEFAULT 0,
  seller_fee_basis_points bigint NOT NULL DEFAULT 0,
  seller_fee_fixed_minor bigint NOT NULL DEFAULT 0,
  buyer_fee_refundable boolean NOT NULL DEFAULT true,
  fee_deferred_minor bigint NOT NULL DEFAULT 0,
  fee_minor bigint NOT NULL DEFAULT 0,
  released_minor bigint NOT NULL DEFAULT 0,
  returned_minor bigint NOT NULL DEFAULT 0,
  arbiter_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  arbiter_key text NOT NULL DEFAULT '',      -- in hex
  dispute_number bigint NOT NULL DEFAULT 0,  -- of the last dispute
  docket text NOT NULL DEFAULT '',           -- of the one that is open, as the API shows it; empty: none is
  split_number bigint NOT NULL DEFAULT 0, -- the open offer to divide what is held
  split_by uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  split_seller_minor bigint NOT NULL DEFAULT 0,
  split_buyer_minor bigint NOT NULL DEFAULT 0,
  -- What the pieces of the price are and where each is, in JSON as the API shows them: they are read and written with
  -- their deal alone. Empty: none.
  milestones text NOT NULL DEFAULT '' CHECK (octet_length(milestones) <= 16384),
  CHECK ((state = 0) = (seq = 0)),
  CHECK ((deadline_state = 0) = (deadline_at_us = 0))
) WITH (fillfactor = 70);
CREATE INDEX escrow_view_buyer ON escrow_view (buyer_id, created_at_us DESC, id DESC) WHERE state > 0;
CREATE INDEX escrow_view_seller ON escrow_view (seller_id, created_at_us DESC, id DESC) WHERE state > 0;
-- Of an arbiter; deals without one cost it nothing.
CREATE INDEX escrow_view_arbiter ON escrow_view (arbiter_id, created_at_us DESC, id DESC)
  WHERE state > 0 AND arbiter_id <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX escrow_view_marketplace ON escrow_view (marketplace_id, created_at_us DESC, id DESC) WHERE state > 0;
CREATE INDEX escrow_view_all ON escrow_view (created_at_us DESC, id DESC) WHERE state > 0;

CREATE TABLE escrow_timeline (
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),
  type text NOT NULL,                -- "EscrowFundsHeld"
  state smallint NOT NULL CHECK (state BETWEEN 1 AND 16),
  amount_minor bigint NOT NULL,      -- 0: not about an amount
  milestone bigint NOT NULL,         -- that it is about; 0: the deal
  note text NOT NULL,                -- a reason or a failure code; empty: none
  actor_kind smallint NOT NULL,
  actor_id uuid NOT NULL,
  at_us bigint NOT NULL,
  PRIMARY KEY (escrow_id, seq)
);

-- Users, written by the lane of their id alone. A Discord id may stand in several accounts: they have no lane in common.
CREATE TABLE account (
  id uuid PRIMARY KEY,
  seq bigint NOT NULL CHECK (seq >= 1),  -- of its last event
  marketplace_id uuid NOT NULL,          -- whose user it is; zeros: staff registered it
  display_name text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 80),
  discord_id text NOT NULL CHECK (discord_id = '' OR discord_id ~ '^[1-9][0-9]{16,18}$'), -- empty: none
  created_at_us bigint NOT NULL,
  updated_at_us bigint NOT NULL,
  CHECK (updated_at_us >= created_at_us)
) WITH (fillfactor = 70);

-- What a RegisterUser that is not decided yet was about. Written with the intake row and never changed.
CREATE TABLE account_pending (
  id uuid PRIMARY KEY,               -- the user's id
  command_id uuid NOT NULL,
  marketplace_id uuid NOT NULL,
  display_name text NOT NULL,
  discord_id text NOT NULL,
  created_at_us bigint NOT NULL
);

-- migrate:down

DROP TABLE account_pending, account, escrow_timeline, escrow_view, escrow_pending, api_token;
