-- Mails that are still to be sent: written by the transaction that causes them, sent by a worker, deleted once accepted.
CREATE TABLE auth.outbox (
  id uuid PRIMARY KEY,                      -- also the Message-ID
  template text NOT NULL,
  payload text NOT NULL,                    -- sealed: the address and the links, which carry tokens
  user_id uuid,                             -- no foreign key: the mail about a deletion outlives its user
  created_at timestamptz NOT NULL,
  attempts integer NOT NULL,
  next_attempt_at timestamptz NOT NULL,
  claim uuid,                               -- which batch of which worker has it
  locked_until timestamptz,                 -- a killed worker's mails are free again from here
  last_error text,                          -- codes only: no address, no secret
  failed_at timestamptz                     -- given up; kept for thirty days
);
CREATE INDEX idx_outbox_due ON auth.outbox (next_attempt_at) WHERE failed_at IS NULL;
CREATE INDEX idx_outbox_user_id ON auth.outbox (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX idx_outbox_failed_at ON auth.outbox (failed_at) WHERE failed_at IS NOT NULL;

-- Where EMAIL_SERVICE=inbox puts mails instead of sending them: the newest 500.
CREATE TABLE auth.dev_inbox (
  id uuid PRIMARY KEY,
  to_address text NOT NULL,
  subject text NOT NULL,
  text text NOT NULL,
  html text NOT NULL,
  links jsonb NOT NULL,
  sent_at timestamptz NOT NULL
);
CREATE INDEX idx_dev_inbox_sent_at ON auth.dev_inbox (sent_at, id);
