-- migrate:up

-- What the provider's books say is held against what we say: the clerk's tables (services/payments/payments_reconcile.h).
-- Nothing in here decides about a deal. Times are of this database's clock, without sandbox time, but for a line's.

-- What each operation that was settled must have moved at the provider: taken from what payments published.
CREATE TABLE settled_leg (
  leg_id uuid PRIMARY KEY,
  escrow_id uuid NOT NULL,
  kind smallint NOT NULL CHECK (kind IN (1, 2, 3)),              -- as in table leg
  currency text NOT NULL CHECK (currency <> ''),
  moved_minor bigint NOT NULL,       -- to us above zero, from us below; 0: the bank sent it back
  taken_at_us bigint NOT NULL,
  matched boolean NOT NULL           -- the provider's books say so, too
) WITH (fillfactor = 70);
CREATE INDEX settled_leg_unmatched ON settled_leg (taken_at_us) WHERE NOT matched;

-- Up to which event of each lane they were taken.
CREATE TABLE settled_position (
  lane integer PRIMARY KEY REFERENCES lane (p),
  n bigint NOT NULL CHECK (n >= 0)
) WITH (fillfactor = 50);
INSERT INTO settled_position SELECT p, 0 FROM lane;

-- Up to when the provider's books were read last, by kind of reconciliation.
CREATE TABLE reconciler (
  kind smallint PRIMARY KEY CHECK (kind IN (1, 2)),              -- hourly, daily
  before_us bigint NOT NULL,         -- the time before
  to_us bigint NOT NULL
);
INSERT INTO reconciler SELECT kind, now_us(), now_us() FROM generate_series(1, 2) AS kind;

-- One time that the books are compared. The first that is not done is under way, by who holds its lease.
CREATE TABLE reconciliation (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind smallint NOT NULL CHECK (kind IN (1, 2, 3)),              -- hourly, daily, asked for
  state smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),  -- waiting, running, done
  from_us bigint NOT NULL CHECK (from_us % 1000000 = 0 AND from_us >= 0), -- of the lines that are read
  to_us bigint NOT NULL CHECK (to_us % 1000000 = 0 AND to_us >= from_us),
  asked_by text NOT NULL DEFAULT '',
  epoch bigint NOT NULL DEFAULT 0,   -- how often it was begun
  lease_until_us bigint NOT NULL DEFAULT 0,
  created_at_us bigint NOT NULL DEFAULT now_us(),
  done_at_us bigint NOT NULL DEFAULT 0,
  line_count bigint NOT NULL DEFAULT 0,    -- lines that were read
  found_count bigint NOT NULL DEFAULT 0,   -- breaks that were not there before
  healed_count bigint NOT NULL DEFAULT 0,  -- breaks that are not there any more
  open_count bigint NOT NULL DEFAULT 0     -- breaks that there are
);
CREATE INDEX reconciliation_open ON reconciliation (n) WHERE state < 3;

-- A line of the provider's books (Stripe: a balance transaction), as it was told last.
CREATE TABLE balance_line (
  id text PRIMARY KEY,
  type text NOT NULL,
  source text NOT NULL,              -- what moved the money: ch_, tr_, re_; empty: nothing of the kind
  leg_id uuid NOT NULL,              -- by the source's metadata; zeros: none of ours
  currency text NOT NULL,
  amount_minor bigint NOT NULL,      -- to us above zero
  fee_minor bigint NOT NULL,
  net_minor bigint NOT NULL,
  at_us bigint NOT NULL,             -- by the provider's clock
  seen_n bigint NOT NULL,            -- the last reconciliation that read it
  gone boolean NOT NULL              -- it was there, and is not any more
);
CREATE INDEX balance_line_leg ON balance_line (leg_id) WHERE leg_id <> '00000000-0000-0000-0000-000000000000';
CREATE INDEX balance_line_at ON balance_line (at_us);

-- Where the two differ. One that is not found again has healed.
CREATE TABLE reconciliation_break (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cause smallint NOT NULL CHECK (cause IN (1, 2, 3, 4, 5)),      -- missing at the provider, missing with us, amount, fee, currency
  state smallint NOT NULL CHECK (state IN (1, 2)),               -- open, healed
  leg_id uuid NOT NULL,              -- zeros: of a line that is about none of ours
  line_id text NOT NULL,             -- of one line; empty: of all lines of the leg together
  expected_minor bigint NOT NULL,
  expected_currency text NOT NULL,
  found_minor bigint NOT NULL,
  found_currency text NOT NULL,
  found_n bigint NOT NULL,           -- the reconciliation that found it first
  last_n bigint NOT NULL,            -- that found it last, or found it healed
  found_at_us bigint NOT NULL,
  UNIQUE (cause, leg_id, line_id)
);
CREATE INDEX reconciliation_break_open ON reconciliation_break (leg_id) WHERE state = 1;

-- migrate:down

DROP TABLE reconciliation_break, balance_line, reconciliation, reconciler, settled_position, settled_leg;
