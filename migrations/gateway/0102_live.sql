-- migrate:up

-- What an account has asked for and nobody has decided yet: part of what a stream begins with.
CREATE INDEX intake_open_account ON intake (account, created_at_us DESC) WHERE open;

-- migrate:down

DROP INDEX intake_open_account;
