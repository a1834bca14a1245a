#!/usr/bin/env bash
# Creates the PostgreSQL 17 instance of auth-api on Cloud SQL.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: create-sql.sh [--dry-run]

Creates the instance auth-db (PostgreSQL 17, two zones, private address only, TLS only, point-in-time recovery) and the
database auth_db. The network needs private services access.

Variables: PROJECT, REGION, and optionally NETWORK (default), SQL_TIER (db-custom-2-7680), SQL_STORAGE_GB (100)
TEXT
}

read_options "$@"
NETWORK=${NETWORK:-default}
SQL_TIER=${SQL_TIER:-db-custom-2-7680}
SQL_STORAGE_GB=${SQL_STORAGE_GB:-100}
require PROJECT '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the id of a project'
require REGION '[a-z]+-[a-z]+[0-9]+' 'a region such as us-central1'
require NETWORK '[a-z0-9-]+' 'the name of a network'
require SQL_TIER 'db-[a-z0-9-]+' 'a machine type such as db-custom-2-7680'
require SQL_STORAGE_GB '[0-9]{2,5}' 'gigabytes, 10 or more'
settle
require_program gcloud 'see https://cloud.google.com/sdk/docs/install'

run gcloud sql instances create auth-db \
  --project "$PROJECT" \
  --region "$REGION" \
  --database-version POSTGRES_17 \
  --edition enterprise \
  --tier "$SQL_TIER" \
  --availability-type REGIONAL \
  --storage-type SSD \
  --storage-size "$SQL_STORAGE_GB" \
  --storage-auto-increase \
  --no-assign-ip \
  --network "projects/$PROJECT/global/networks/$NETWORK" \
  --ssl-mode ENCRYPTED_ONLY \
  --backup \
  --backup-start-time 02:00 \
  --retained-backups-count 7 \
  --enable-point-in-time-recovery \
  --retained-transaction-log-days 7 \
  --maintenance-window-day SUN \
  --maintenance-window-hour 3 \
  --deletion-protection \
  --insights-config-query-insights-enabled \
  --database-flags log_min_duration_statement=1000,log_lock_waits=on,idle_in_transaction_session_timeout=60000
run gcloud sql databases create auth_db --project "$PROJECT" --instance auth-db
told "The database is there: DB_INSTANCE=$PROJECT:$REGION:auth-db"
told 'Next: make the roles auth_owner and auth_app in it (README.md, "Roles").'
