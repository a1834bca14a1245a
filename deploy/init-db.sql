-- The database, its roles and its schemas. Run it as an administrator of the cluster, once or as often as you like:
--
--     psql -h db.example.com -U postgres -d postgres -f init-db.sql
--
-- with DB_OWNER_PASSWORD_FILE, DB_APP_PASSWORD_FILE, DB_READONLY_PASSWORD_FILE and DB_MONITOR_PASSWORD_FILE in the
-- environment; docker-compose.prod.yml does so at the first start. The tables come with `auth-api migrate up`. A password
-- that has changed in its file is set anew; nothing else that is there is touched.
--
--   auth_owner     owns the schemas and migrates them
--   auth_app       what the servers sign in as: rows, no change of the schema, no rewriting of the audit log
--   auth_readonly  for reports: no passwords, tokens or keys
--   auth_monitor   for the exporter: statistics, no rows
--
-- On a managed database the administrator is no superuser: CREATEDB and CREATEROLE are enough. What such a one may not
-- do is left out with a warning, and only the exporter misses it.
\set ON_ERROR_STOP on
\set QUIET on
\set VERBOSITY terse
SET client_min_messages = warning;

SELECT :VERSION_NUM < 160000 AS is_old \gset
\if :is_old
  \warn init-db.sql: psql 16 or newer is needed; this is :VERSION. Nothing was changed.
  DO $$ BEGIN RAISE EXCEPTION 'psql is too old'; END $$;
\endif

\set owner_password `cat "$DB_OWNER_PASSWORD_FILE" 2>/dev/null || true`
\set app_password `cat "$DB_APP_PASSWORD_FILE" 2>/dev/null || true`
\set readonly_password `cat "$DB_READONLY_PASSWORD_FILE" 2>/dev/null || true`
\set monitor_password `cat "$DB_MONITOR_PASSWORD_FILE" 2>/dev/null || true`
SELECT coalesce(string_agg(name, ', '), '') AS missing, count(*) > 0 AS is_missing
  FROM (VALUES ('DB_OWNER_PASSWORD_FILE', length($1)), ('DB_APP_PASSWORD_FILE', length($2)),
    ('DB_READONLY_PASSWORD_FILE', length($3)), ('DB_MONITOR_PASSWORD_FILE', length($4))) AS given (name, size)
  WHERE size < 16 \bind :owner_password :app_password :readonly_password :monitor_password \gset
\if :is_missing
  \warn 'init-db.sql:' :missing 'must name a readable file with a password of 16 characters or more;'
  \warn 'init-db.sql: ./make-secrets.sh makes such files. Nothing was changed.'
  DO $$ BEGIN RAISE EXCEPTION 'a password is missing'; END $$;
\endif

SELECT 'CREATE DATABASE auth_db' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'auth_db') \gexec
\connect auth_db
SET client_min_messages = warning;

BEGIN;
SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['auth_owner', 'auth_app', 'auth_readonly', 'auth_monitor']) AS name
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

-- The passwords travel as parameters: no log, no list of statements and no message has them.
SELECT set_config('init.auth_owner', $1, true), set_config('init.auth_app', $2, true),
    set_config('init.auth_readonly', $3, true), set_config('init.auth_monitor', $4, true)
  \bind :owner_password :app_password :readonly_password :monitor_password \g /dev/null
DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['auth_owner', 'auth_app', 'auth_readonly', 'auth_monitor'] LOOP
    BEGIN
      EXECUTE format('ALTER ROLE %I PASSWORD %L', role, current_setting('init.' || role));
    EXCEPTION WHEN OTHERS THEN
      RAISE EXCEPTION 'the password of % cannot be set: %', role, SQLERRM;
    END;
  END LOOP;
END $$;

ALTER ROLE auth_monitor CONNECTION LIMIT 5;
ALTER ROLE auth_readonly SET default_transaction_read_only = on;
ALTER ROLE auth_readonly SET statement_timeout = '60s';
-- The servers set these themselves, but cannot through a pooler.
ALTER ROLE auth_app SET statement_timeout = '3s';
ALTER ROLE auth_app SET lock_timeout = '2s';
ALTER ROLE auth_app SET idle_in_transaction_session_timeout = '10s';

-- Whoever makes something for a role must be able to act as it. A superuser can; others are let in here, and out below.
SELECT NOT rolsuper AND NOT pg_has_role('auth_owner', 'USAGE') AS is_guest FROM pg_roles WHERE rolname = current_user \gset
\if :is_guest
  GRANT auth_owner TO CURRENT_USER;
\endif

-- Nobody comes in, and nobody makes anything, unless it is said here.
REVOKE ALL ON DATABASE auth_db FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE auth_db TO auth_app, auth_readonly, auth_monitor;
GRANT CONNECT, CREATE ON DATABASE auth_db TO auth_owner;
-- The extension below puts its views there.
GRANT USAGE ON SCHEMA public TO auth_monitor;

CREATE SCHEMA IF NOT EXISTS auth AUTHORIZATION auth_owner;
CREATE SCHEMA IF NOT EXISTS audit AUTHORIZATION auth_owner;
\if :is_guest
  REVOKE auth_owner FROM CURRENT_USER;
\endif

-- uuid-ossp and pgcrypto are not needed: identifiers and cryptography are the server's.
DO $$
DECLARE
  wish text;
BEGIN
  FOREACH wish IN ARRAY ARRAY['GRANT pg_monitor TO auth_monitor', 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements',
      'GRANT pg_use_reserved_connections TO auth_owner, auth_monitor'] LOOP
    BEGIN
      EXECUTE wish;
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'left out: %: %', wish, SQLERRM;
    END;
  END LOOP;
END $$;
COMMIT;
