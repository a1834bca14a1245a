-- The database, its roles and its schemas. Run by a superuser, once or as often as you like:
--
--     psql -h db.example.com -U postgres -d postgres -f init-db.sql
--
-- with DB_OWNER_PASSWORD_FILE, DB_APP_PASSWORD_FILE, DB_READONLY_PASSWORD_FILE and DB_MONITOR_PASSWORD_FILE in the
-- environment; docker-compose.prod.yml does so at the first start. The tables come with `auth-api migrate up`.
--
--   auth_owner     owns the schemas and migrates them
--   auth_app       what the servers sign in as: rows, no change of the schema, no rewriting of the audit log
--   auth_readonly  for reports: no passwords, tokens or keys
--   auth_monitor   for the exporter: statistics, no rows
\set ON_ERROR_STOP on
\set QUIET on

\set owner_password `cat "$DB_OWNER_PASSWORD_FILE" 2>/dev/null`
\set app_password `cat "$DB_APP_PASSWORD_FILE" 2>/dev/null`
\set readonly_password `cat "$DB_READONLY_PASSWORD_FILE" 2>/dev/null`
\set monitor_password `cat "$DB_MONITOR_PASSWORD_FILE" 2>/dev/null`
SELECT least(length(:'owner_password'), length(:'app_password'), length(:'readonly_password'), length(:'monitor_password')) < 16
  AS missing \gset
\if :missing
  \warn init-db.sql: DB_OWNER_PASSWORD_FILE, DB_APP_PASSWORD_FILE, DB_READONLY_PASSWORD_FILE and DB_MONITOR_PASSWORD_FILE
  \warn must each name a file that can be read and holds 16 characters or more. ./make-secrets.sh makes them. Nothing was changed.
  DO $$ BEGIN RAISE EXCEPTION 'a password is missing'; END $$;
\endif

SELECT 'CREATE DATABASE auth_db' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'auth_db') \gexec
\connect auth_db

BEGIN;
SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['auth_owner', 'auth_app', 'auth_readonly', 'auth_monitor']) AS name
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
-- Not into any log: the statement is hidden from it, and the server keeps a hash.
SET LOCAL log_min_duration_statement = -1;
ALTER ROLE auth_owner PASSWORD :'owner_password';
ALTER ROLE auth_app PASSWORD :'app_password';
ALTER ROLE auth_readonly PASSWORD :'readonly_password';
ALTER ROLE auth_monitor PASSWORD :'monitor_password' CONNECTION LIMIT 5;
ALTER ROLE auth_readonly SET default_transaction_read_only = on;
ALTER ROLE auth_readonly SET statement_timeout = '60s';
GRANT pg_monitor TO auth_monitor;

-- Nobody comes in, and nobody makes anything, unless it is said here.
REVOKE ALL ON DATABASE auth_db FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE auth_db TO auth_app, auth_readonly, auth_monitor;
GRANT CONNECT, CREATE ON DATABASE auth_db TO auth_owner;

CREATE SCHEMA IF NOT EXISTS auth AUTHORIZATION auth_owner;
CREATE SCHEMA IF NOT EXISTS audit AUTHORIZATION auth_owner;

-- uuid-ossp and pgcrypto are not needed: identifiers and cryptography are the server's.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
COMMIT;
