-- Accounts, sessions, one-time values, keys. One timeline for PostgreSQL 14+ and the embedded database: no extensions.
CREATE SCHEMA IF NOT EXISTS auth;

CREATE TABLE auth.users (
  id uuid PRIMARY KEY,
  email text NOT NULL,                      -- canonical: see core/users/email.ts
  email_verified_at timestamptz,
  name text,
  picture text,
  locale text,
  password_hash text,                       -- PHC string; null: no password
  password_changed_at timestamptz,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  version integer NOT NULL DEFAULT 1,       -- grows with every change a person or an administrator makes; the ETag
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  last_login_at timestamptz
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX idx_users_email ON auth.users (email text_pattern_ops);
CREATE INDEX idx_users_name ON auth.users (lower(name) text_pattern_ops);

CREATE TABLE auth.roles (
  name text PRIMARY KEY,
  description text NOT NULL DEFAULT '',
  permissions text[] NOT NULL DEFAULT '{}',
  built_in boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO auth.roles (name, description, permissions, built_in)
VALUES ('admin', 'May do everything.', '{*}', true);

CREATE TABLE auth.user_roles (
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  role text NOT NULL REFERENCES auth.roles (name) ON DELETE CASCADE,
  PRIMARY KEY (user_id, role)
);
CREATE INDEX idx_user_roles_role ON auth.user_roles (role);

-- Devices that have signed in before: they get in while the account is locked for strangers.
CREATE TABLE auth.devices (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  token_hash bytea NOT NULL,
  user_agent text NOT NULL,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX idx_devices_token_hash ON auth.devices (token_hash);
CREATE INDEX idx_devices_user_id ON auth.devices (user_id);
CREATE INDEX idx_devices_expires_at ON auth.devices (expires_at);

-- One row per session. A refresh changes generation, rotated_at and last_seen_at, none of which is indexed.
CREATE TABLE auth.sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  device_id uuid,
  kind text NOT NULL CHECK (kind IN ('token', 'cookie')),
  secret_hash bytea NOT NULL,               -- token: SHA-256 of the nonce in the refresh token; cookie: HMAC of its secret
  generation integer NOT NULL DEFAULT 0,
  rotated_at timestamptz NOT NULL,          -- the idle lifetime runs from here
  authenticated_at timestamptz NOT NULL,    -- auth_time
  amr text[] NOT NULL,
  address text NOT NULL,
  user_agent text NOT NULL,
  created_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,          -- absolute
  impersonator_id uuid,                     -- the administrator who acts as this user
  ended_at timestamptz,
  end_reason text
) WITH (fillfactor = 75);
CREATE INDEX idx_sessions_user_id ON auth.sessions (user_id);
CREATE INDEX idx_sessions_expires_at ON auth.sessions (expires_at);

-- Links and codes: purpose, subject and flow are part of the value; using it is one conditional UPDATE.
CREATE TABLE auth.one_time_tokens (
  id uuid PRIMARY KEY,
  token_hash bytea NOT NULL,
  purpose text NOT NULL,
  user_id uuid REFERENCES auth.users (id) ON DELETE CASCADE,
  flow text,
  data jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE UNIQUE INDEX idx_one_time_tokens_hash ON auth.one_time_tokens (token_hash);
CREATE INDEX idx_one_time_tokens_user ON auth.one_time_tokens (user_id, purpose);
CREATE INDEX idx_one_time_tokens_expires_at ON auth.one_time_tokens (expires_at);

-- Counters whose loss would let someone in (guesses per account) or be felt by someone (mails per address).
-- The key is an HMAC: it names no account, and exists for unknown accounts alike.
CREATE TABLE auth.guards (
  key bytea PRIMARY KEY,
  window_started_at timestamptz NOT NULL,
  attempts integer NOT NULL,                -- in this window
  consecutive integer NOT NULL DEFAULT 0,   -- since the last success
  windows integer NOT NULL DEFAULT 0,       -- exhausted windows in a row: each doubles the wait
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 70);

-- Request counters where there is no Redis; nothing but requests is lost with it.
CREATE UNLOGGED TABLE auth.request_counts (
  key text PRIMARY KEY,
  count integer NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE auth.signing_keys (
  kid text PRIMARY KEY,
  alg text NOT NULL,
  public_jwk jsonb NOT NULL,
  private_sealed text NOT NULL,
  created_at timestamptz NOT NULL,
  active_from timestamptz NOT NULL,
  retired_at timestamptz,                   -- no longer signs; still verifies what it signed
  revoked_at timestamptz                    -- verifies nothing
);

-- What has changed, so that every process can drop what it remembers: a user's, a session's, or the nil UUID for keys,
-- roles and flags. Rows are read by transaction id, never missed, and dropped after a quarter of an hour.
CREATE TABLE auth.changes (
  subject uuid NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_changes_xid ON auth.changes (xid);
CREATE INDEX idx_changes_at ON auth.changes (at);

CREATE TABLE auth.idempotency_keys (
  key_hash bytea PRIMARY KEY,               -- HMAC over route, caller and key
  fingerprint bytea NOT NULL,               -- HMAC over the body without its secrets
  status integer,                           -- null while the first request is under way
  body text,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX idx_idempotency_keys_expires_at ON auth.idempotency_keys (expires_at);

-- When each recurring job ran last: one process at a time takes the turn.
CREATE TABLE auth.jobs (
  name text PRIMARY KEY,
  last_run_at timestamptz NOT NULL
);
