-- Ways to sign in beside the password: second factors, passkeys, accounts at providers, links and codes by mail.

-- A value that a person types (a code) has a handle that the browser keeps (the flow): both must fit, within few tries.
ALTER TABLE auth.one_time_tokens ADD COLUMN secret_hash bytea;          -- HMAC of the code; null: the handle is enough
ALTER TABLE auth.one_time_tokens ADD COLUMN attempts integer NOT NULL DEFAULT 0;

ALTER TABLE auth.users ADD COLUMN mail_factor_at timestamptz;           -- a code by mail is a second factor since
ALTER TABLE auth.users ADD COLUMN factor_due_at timestamptz;            -- where policy wants a factor: not without it after
ALTER TABLE auth.sessions ADD COLUMN factor_at timestamptz;             -- when a second factor was last proven in it
ALTER TABLE auth.devices ADD COLUMN trusted_until timestamptz;          -- until then no second factor is asked for here

CREATE TABLE auth.totp (
  user_id uuid PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
  secret_sealed text NOT NULL,
  created_at timestamptz NOT NULL,
  confirmed_at timestamptz,                 -- null: it does not count yet
  last_step bigint NOT NULL DEFAULT 0       -- the latest time step that was used: no code works twice (RFC 6238, 5.2)
);

CREATE TABLE auth.recovery_codes (
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  code_hash bytea NOT NULL,                 -- HMAC of 120 random bits
  created_at timestamptz NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE auth.passkeys (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  credential_id bytea NOT NULL,
  public_key bytea NOT NULL,                -- COSE
  sign_count bigint NOT NULL,
  name text NOT NULL,
  aaguid uuid NOT NULL,
  transports text[] NOT NULL DEFAULT '{}',
  backup_eligible boolean NOT NULL,         -- fixed for the life of the credential (WebAuthn Level 3, 6.1.3)
  backed_up boolean NOT NULL,
  second_factor_only boolean NOT NULL,      -- made without user verification: it never signs in by itself
  created_at timestamptz NOT NULL,
  last_used_at timestamptz
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX idx_passkeys_credential_id ON auth.passkeys (credential_id);
CREATE INDEX idx_passkeys_user_id ON auth.passkeys (user_id);

-- Accounts at providers. A subject means something only beside its issuer.
CREATE TABLE auth.identities (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  provider text NOT NULL,                   -- the id under which it is configured
  issuer text NOT NULL,
  subject text NOT NULL,
  email text,                               -- what the provider says of it; proves nothing later
  created_at timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  tokens_sealed text                        -- the provider's tokens, where they are kept at all
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX idx_identities_subject ON auth.identities (issuer, subject);
CREATE INDEX idx_identities_user_id ON auth.identities (user_id);

-- An administrator takes all second factors from an account; where it is delayed, its owner can veto it until then.
CREATE TABLE auth.factor_resets (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  administrator_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  vetoed_at timestamptz,
  done_at timestamptz
);
CREATE UNIQUE INDEX idx_factor_resets_open ON auth.factor_resets (user_id) WHERE vetoed_at IS NULL AND done_at IS NULL;
