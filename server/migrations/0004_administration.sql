-- What administrators look for among very many, and what must end with an administrator's own rights: small indexes over
-- the few rows that they are about, so that nobody else's writes touch them.
CREATE INDEX idx_users_disabled ON auth.users (id) WHERE status = 'disabled';
CREATE INDEX idx_users_unverified ON auth.users (id) WHERE email_verified_at IS NULL;
CREATE INDEX idx_sessions_impersonator_id ON auth.sessions (impersonator_id) WHERE impersonator_id IS NOT NULL;
