#!/usr/bin/env bash
# Creates the Redis instance of auth-api on Memorystore and puts its password and authority into Secret Manager.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: create-redis.sh [--dry-run]

Creates the instance auth-redis (Redis 7.2, two zones, TLS, password, nothing evicted). The network needs private
services access. Its password and authority go straight into the secrets auth-api-redis-password and auth-api-redis-ca.

Variables: PROJECT, REGION, and optionally NETWORK (default), REDIS_SIZE_GB (1)
TEXT
}

read_options "$@"
NETWORK=${NETWORK:-default}
REDIS_SIZE_GB=${REDIS_SIZE_GB:-1}
require PROJECT '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the id of a project'
require REGION '[a-z]+-[a-z]+[0-9]+' 'a region such as us-central1'
require NETWORK '[a-z0-9-]+' 'the name of a network'
require REDIS_SIZE_GB '[1-9][0-9]{0,2}' 'gigabytes from 1 to 300'
settle
require_program gcloud 'see https://cloud.google.com/sdk/docs/install'
where=(--project "$PROJECT" --region "$REGION")

run gcloud redis instances create auth-redis "${where[@]}" \
  --tier standard \
  --size "$REDIS_SIZE_GB" \
  --redis-version redis_7_2 \
  --network "projects/$PROJECT/global/networks/$NETWORK" \
  --connect-mode private-service-access \
  --transit-encryption-mode server-authentication \
  --enable-auth \
  --redis-config maxmemory-policy=noeviction \
  --persistence-mode rdb \
  --rdb-snapshot-period 1h

show gcloud redis instances get-auth-string auth-redis "${where[@]}" --format 'value(authString)'
show gcloud redis instances describe auth-redis "${where[@]}" --format 'value[delimiter="\n"](serverCaCerts[].cert)'
if [[ $dry_run == false ]]; then
  gcloud redis instances get-auth-string auth-redis "${where[@]}" --format 'value(authString)' | tr -d '\r\n' |
    "$here/secrets.sh" put redis-password
  gcloud redis instances describe auth-redis "${where[@]}" --format 'value[delimiter="\n"](serverCaCerts[].cert)' |
    "$here/secrets.sh" put redis-ca
fi
host=$(ask '<address of auth-redis>' gcloud redis instances describe auth-redis "${where[@]}" --format 'value(host)')
told "The cache is there: REDIS_HOST=$host"
