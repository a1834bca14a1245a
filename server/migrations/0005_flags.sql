-- What an operator has set of the feature flags: the server's own (their meaning and their default are in the program) and
-- those of the operator's applications. Rules are read as a whole and in order, so they are one value.
CREATE TABLE auth.flags (
  key text PRIMARY KEY CHECK (key ~ '^[a-z][a-z0-9.-]{0,62}$'),
  description text NOT NULL DEFAULT '',
  enabled boolean NOT NULL DEFAULT true,    -- false: the rules rest, and everybody gets the fallback
  fallback jsonb NOT NULL CHECK (jsonb_typeof(fallback) IN ('boolean', 'string')),
  rules jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(rules) = 'array'),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
