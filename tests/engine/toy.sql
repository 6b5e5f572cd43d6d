-- The toy service's tables, for the engine's tests on a real PostgreSQL.
CREATE TABLE account (id uuid PRIMARY KEY, version bigint NOT NULL, seq bigint NOT NULL, total bigint NOT NULL);
CREATE TABLE call (id uuid PRIMARY KEY, account_id uuid NOT NULL, version bigint NOT NULL, amount bigint NOT NULL,
  done boolean NOT NULL);
CREATE INDEX call_account ON call (account_id);
CREATE TABLE journal (account_id uuid NOT NULL, seq bigint NOT NULL, amount bigint NOT NULL, cause uuid NOT NULL,
  PRIMARY KEY (account_id, seq));
CREATE TABLE purse (id uuid PRIMARY KEY, version bigint NOT NULL, total bigint NOT NULL);
CREATE TABLE coin (id uuid PRIMARY KEY, purse_id uuid NOT NULL, amount bigint NOT NULL);
CREATE INDEX coin_purse ON coin (purse_id);
-- What the vectors that both stores are held against are about: a column of each type, a key of two, something unique.
CREATE TABLE thing (id uuid PRIMARY KEY, version bigint NOT NULL, parent uuid NOT NULL, live boolean NOT NULL, born bigint NOT NULL,
  kind smallint NOT NULL, size integer NOT NULL, at bigint NOT NULL, name text NOT NULL, blob bytea NOT NULL, digest bytea NOT NULL);
CREATE INDEX thing_parent ON thing (parent, id);
CREATE TABLE pair (parent uuid NOT NULL, seq bigint NOT NULL, value integer NOT NULL, PRIMARY KEY (parent, seq));
CREATE TABLE label (id uuid PRIMARY KEY, parent uuid NOT NULL, mark bigint NOT NULL, UNIQUE (parent, mark));
