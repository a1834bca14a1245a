-- When a backup was last restored and looked at, and what came of it: `auth-api backup prove` writes it, `backup verify`
-- and the metric auth_restore_proven_timestamp_seconds read it.
CREATE TABLE auth.restore_proofs (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  backup text NOT NULL,                     -- its name
  backup_as_of timestamptz NOT NULL,        -- the moment that it shows
  backup_sha256 text NOT NULL,
  ok boolean NOT NULL,
  checks jsonb NOT NULL                     -- [{name, ok, detail}]
);
CREATE INDEX idx_restore_proofs_at ON auth.restore_proofs (at) WHERE ok;
