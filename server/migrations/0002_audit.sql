-- The audit log. A transaction writes its lines into audit.inbox (one index, nothing shared); a sealer moves what was
-- committed into audit.events, where every line carries the hash of the one before. See docs/decisions/0003-audit-chain.md.
CREATE SCHEMA IF NOT EXISTS audit;

CREATE TABLE audit.inbox (
  id uuid PRIMARY KEY,
  at timestamptz(3) NOT NULL CHECK (isfinite(at)), -- milliseconds: what is hashed is what is kept
  action text NOT NULL,
  outcome text NOT NULL,
  actor_type text NOT NULL,
  actor_id uuid,
  subject_id uuid,                          -- the user whose account it concerns
  session_id uuid,
  reason text,
  request_id text,
  detail jsonb,                             -- never personal, never secret
  personal jsonb,                           -- erased with the user
  personal_salt bytea,                      -- erased too, so that the hash that stays cannot be guessed back
  personal_hash bytea NOT NULL,
  mac bytea                                 -- shows the sealer that this server wrote the line
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE audit.events (
  seq bigint NOT NULL,                      -- contiguous
  id uuid NOT NULL,
  at timestamptz(3) NOT NULL,
  action text NOT NULL,
  outcome text NOT NULL,
  actor_type text NOT NULL,
  actor_id uuid,
  subject_id uuid,
  session_id uuid,
  reason text,
  request_id text,
  detail jsonb,
  personal jsonb,
  personal_salt bytea,
  personal_hash bytea NOT NULL,
  genuine boolean NOT NULL,                 -- what the sealer found: false where the line was not written by this server
  sealed_at timestamptz(3) NOT NULL,        -- never goes back, so a month is a contiguous piece of the chain
  hash bytea NOT NULL,
  address text GENERATED ALWAYS AS (personal ->> 'address') STORED,
  PRIMARY KEY (seq, sealed_at)
) PARTITION BY RANGE (sealed_at);
CREATE INDEX idx_audit_log_user_id ON audit.events (subject_id, at);
CREATE INDEX idx_audit_log_timestamp ON audit.events (at, id);
CREATE INDEX idx_audit_log_actor_id ON audit.events (actor_id, at, id) WHERE actor_id IS NOT NULL;
CREATE INDEX idx_audit_log_action ON audit.events (action, at, id);
CREATE INDEX idx_audit_log_address ON audit.events (address, at, id) WHERE address IS NOT NULL;
CREATE INDEX idx_audit_log_request_id ON audit.events (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX idx_audit_log_failure ON audit.events (at, id) WHERE outcome = 'failure';
CREATE INDEX idx_audit_log_denied ON audit.events (at, id) WHERE outcome = 'denied';
CREATE INDEX idx_audit_log_deleted ON audit.events (subject_id) WHERE action = 'user.deleted';

-- One per sealed batch: a signature over where it begins (first_seq, prev_hash) and where it ends (seq, hash).
CREATE TABLE audit.checkpoints (
  first_seq bigint NOT NULL,
  prev_hash bytea NOT NULL,
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  at timestamptz(3) NOT NULL,               -- sealed_at of its lines
  key_id text NOT NULL,
  signature bytea NOT NULL,
  PRIMARY KEY (seq, at)
) PARTITION BY RANGE (at);

-- Where the chain begins since retention dropped what came before: signed, so that nobody else can shorten it.
CREATE TABLE audit.anchors (
  seq bigint NOT NULL,                      -- the last line that was dropped
  hash bytea NOT NULL,
  at timestamptz(3) NOT NULL,
  key_id text NOT NULL,
  signature bytea NOT NULL,
  PRIMARY KEY (seq, key_id)
);

-- Append-only. The one change there is: audit.erase_subject may null what is personal, and nothing else.
CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_LEVEL = 'ROW' AND TG_ARGV[0] = 'erasable'
     AND current_setting('audit.erasing', true) = 'on' THEN
    IF NEW.personal IS NULL AND NEW.personal_salt IS NULL
       AND (to_jsonb(NEW) - '{personal,personal_salt,address}'::text[])
         = (to_jsonb(OLD) - '{personal,personal_salt,address}'::text[]) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'audit: % on % is refused: the log is append-only', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.events
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change('erasable');
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.events
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.checkpoints
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.anchors
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.anchors
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

-- A partition of either table, with the trigger that PostgreSQL does not hand down (TRUNCATE is per statement).
CREATE FUNCTION audit.create_partition(parent text, name text, bounds text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.%I %s', name, parent, bounds);
  EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.%I FOR EACH STATEMENT '
    'EXECUTE FUNCTION audit.refuse_change()', name);
END $$;

-- Partitions for `months` months (UTC) from the one of `since`. A month whose lines already lie in the default partition
-- stays there. SECURITY DEFINER: the server's role needs no DDL rights.
CREATE FUNCTION audit.ensure_partitions(since timestamptz, months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  month timestamp := date_trunc('month', since AT TIME ZONE 'UTC');
  created integer := 0;
  name text;
  taken boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(7201945);
  FOR i IN 1..least(months, 24) LOOP
    name := to_char(month, '"y"YYYY"m"MM');
    IF to_regclass('audit.events_' || name) IS NULL AND to_regclass('audit.checkpoints_' || name) IS NULL THEN
      SELECT EXISTS (SELECT FROM audit.events_default WHERE sealed_at >= month AT TIME ZONE 'UTC'
          AND sealed_at < (month + interval '1 month') AT TIME ZONE 'UTC')
        OR EXISTS (SELECT FROM audit.checkpoints_default WHERE at >= month AT TIME ZONE 'UTC'
          AND at < (month + interval '1 month') AT TIME ZONE 'UTC') INTO taken;
      IF NOT taken THEN
        PERFORM audit.create_partition(parent, parent || '_' || name, format('FOR VALUES FROM (%L) TO (%L)',
            month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC'))
          FROM unnest(ARRAY['events', 'checkpoints']) AS parent;
        created := created + 1;
      END IF;
    END IF;
    month := month + interval '1 month';
  END LOOP;
  RETURN created;
END $$;

-- Drops whole months that ended by `until`, and what lies in the default partitions from before it. Gives their names.
CREATE FUNCTION audit.drop_partitions_before(until timestamptz) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  edge timestamptz := date_trunc('month', until AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
  dropped text[] := '{}';
  name text;
BEGIN
  FOR name IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('audit.events'::regclass, 'audit.checkpoints'::regclass)
      AND c.relname ~ '^(events|checkpoints)_y[0-9]{4}m[0-9]{2}$'
      AND (to_date(right(c.relname, 7), 'YYYY"m"MM') + interval '1 month') AT TIME ZONE 'UTC' <= edge
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE audit.%I', name);
    dropped := dropped || name;
  END LOOP;
  IF EXISTS (SELECT FROM audit.events_default WHERE sealed_at < edge) THEN
    ALTER TABLE audit.events DETACH PARTITION audit.events_default;
    ALTER TABLE audit.events_default RENAME TO events_former;
    PERFORM audit.create_partition('events', 'events_default', 'DEFAULT');
    INSERT INTO audit.events (seq, id, at, action, outcome, actor_type, actor_id, subject_id, session_id, reason,
        request_id, detail, personal, personal_salt, personal_hash, genuine, sealed_at, hash)
      SELECT seq, id, at, action, outcome, actor_type, actor_id, subject_id, session_id, reason,
        request_id, detail, personal, personal_salt, personal_hash, genuine, sealed_at, hash
      FROM audit.events_former WHERE sealed_at >= edge;
    DROP TABLE audit.events_former;
    dropped := dropped || 'events_default'::text;
  END IF;
  IF EXISTS (SELECT FROM audit.checkpoints_default WHERE at < edge) THEN
    ALTER TABLE audit.checkpoints DETACH PARTITION audit.checkpoints_default;
    ALTER TABLE audit.checkpoints_default RENAME TO checkpoints_former;
    PERFORM audit.create_partition('checkpoints', 'checkpoints_default', 'DEFAULT');
    INSERT INTO audit.checkpoints SELECT * FROM audit.checkpoints_former WHERE at >= edge;
    DROP TABLE audit.checkpoints_former;
  END IF;
  RETURN dropped;
END $$;

-- Erases what is personal in the lines that have this user as subject or actor, written up to `until`. The inbox first:
-- a line that the sealer is moving is waited for, and then found among the events.
CREATE FUNCTION audit.erase_subject(who uuid, until timestamptz DEFAULT 'infinity') RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  waiting integer;
  sealed integer;
BEGIN
  -- Not as a SET of the function: that takes a superuser, because the name is nobody's setting.
  PERFORM set_config('audit.erasing', 'on', true);
  UPDATE audit.inbox SET personal = NULL, personal_salt = NULL
    WHERE (subject_id = who OR actor_id = who) AND at <= until AND personal IS NOT NULL;
  GET DIAGNOSTICS waiting = ROW_COUNT;
  UPDATE audit.events SET personal = NULL, personal_salt = NULL
    WHERE (subject_id = who OR actor_id = who) AND at <= until AND personal IS NOT NULL;
  GET DIAGNOSTICS sealed = ROW_COUNT;
  PERFORM set_config('audit.erasing', 'off', true);
  RETURN waiting + sealed;
END $$;

REVOKE ALL ON FUNCTION audit.create_partition(text, text, text), audit.ensure_partitions(timestamptz, integer),
  audit.drop_partitions_before(timestamptz), audit.erase_subject(uuid, timestamptz) FROM PUBLIC;

SELECT audit.create_partition('events', 'events_default', 'DEFAULT');
SELECT audit.create_partition('checkpoints', 'checkpoints_default', 'DEFAULT');
SELECT audit.ensure_partitions(now(), 2);
