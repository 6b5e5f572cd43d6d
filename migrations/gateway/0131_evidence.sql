-- migrate:up

-- What the two showed in a deal's disputes, built from events by the gateway's own lanes. The bytes are in the object store, under their
-- hash.
CREATE TABLE escrow_evidence (
  escrow_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),
  dispute bigint NOT NULL CHECK (dispute >= 1),
  submitted_by uuid NOT NULL,
  content bytea NOT NULL CHECK (octet_length(content) = 32), -- SHA-256 of the bytes
  type smallint NOT NULL CHECK (type BETWEEN 1 AND 5),       -- text, PDF, PNG, JPEG, WebP
  size_bytes bigint NOT NULL CHECK (size_bytes >= 1),
  description text NOT NULL,
  at_us bigint NOT NULL,
  PRIMARY KEY (escrow_id, seq)
);
CREATE INDEX escrow_evidence_content ON escrow_evidence (content);

-- Bytes that are being stored, written down before they are: of what became evidence, and of what did not. Forgotten a day after the
-- command was decided, or did not come; then bytes that nothing names are removed.
CREATE TABLE evidence_upload (
  command_id uuid NOT NULL,
  content bytea NOT NULL CHECK (octet_length(content) = 32),
  account uuid NOT NULL,
  escrow_id uuid NOT NULL,
  stored_at timestamptz NOT NULL,
  PRIMARY KEY (command_id, content)
);
CREATE INDEX evidence_upload_content ON evidence_upload (content);
CREATE INDEX evidence_upload_stored_at ON evidence_upload (stored_at);
CREATE INDEX evidence_upload_account ON evidence_upload (account, escrow_id);

-- migrate:down

DROP TABLE evidence_upload, escrow_evidence;
