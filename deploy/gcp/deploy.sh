#!/usr/bin/env bash
# Builds, migrates and deploys auth-api to Cloud Run by way of Cloud Build.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: deploy.sh [--dry-run]

Sends the source to Cloud Build with cloudbuild.yaml, filled from these variables, and waits:
  PROJECT, REGION, PUBLIC_URL, EMAIL_FROM, SMTP_HOST, SMTP_USER, DB_INSTANCE (project:region:name),
  REDIS_HOST, and optionally NETWORK (default), SUBNET (default), REPOSITORY (auth-api),
  TRUSTED_PROXIES (169.254.0.0/16; behind a load balancer also its address)
The newest enabled version of every secret is looked up and named in the deployment.
TEXT
}

read_options "$@"
NETWORK=${NETWORK:-default}
SUBNET=${SUBNET:-default}
REPOSITORY=${REPOSITORY:-auth-api}
TRUSTED_PROXIES=${TRUSTED_PROXIES:-169.254.0.0/16}
require PROJECT '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the id of a project'
require REGION '[a-z]+-[a-z]+[0-9]+' 'a region such as us-central1'
require PUBLIC_URL 'https://[^/[:space:]]+' 'an origin such as https://auth.example.com'
require EMAIL_FROM '[^;|]+@[^;|]+' 'a sender such as Example <no-reply@example.com>'
require SMTP_HOST '[a-zA-Z0-9.-]+' 'the host of the mail server'
require SMTP_USER '[^;|[:space:]]+' 'the user at the mail server'
require DB_INSTANCE '[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]+' 'project:region:name of the Cloud SQL instance'
require REDIS_HOST '[a-zA-Z0-9.-]+' 'the address that create-redis.sh printed'
require NETWORK '[a-z0-9-]+' 'the name of a network'
require SUBNET '[a-z0-9-]+' 'the name of a subnet'
require REPOSITORY '[a-z0-9-]+' 'the name of the repository in Artifact Registry'
require TRUSTED_PROXIES '[0-9a-f.:/,]+' 'ranges separated by commas'
settle
require_program gcloud 'see https://cloud.google.com/sdk/docs/install'

version() {
  local newest
  newest=$(ask 1 gcloud secrets versions list "auth-api-$1" --project "$PROJECT" --filter 'state=enabled' \
    --sort-by '~createTime' --limit 1 --format 'value(name.basename())') || fail 69 "auth-api-$1 cannot be asked for"
  [[ -n $newest ]] || fail 69 "the secret auth-api-$1 has no version that can be used; run secrets.sh create"
  printf '%s' "$newest"
}

values=(
  "_REGION=$REGION" "_REPOSITORY=$REPOSITORY" "_PUBLIC_URL=$PUBLIC_URL" "_EMAIL_FROM=$EMAIL_FROM"
  "_SMTP_HOST=$SMTP_HOST" "_SMTP_USER=$SMTP_USER" "_TRUSTED_PROXIES=$TRUSTED_PROXIES" "_DB_INSTANCE=$DB_INSTANCE"
  "_REDIS_HOST=$REDIS_HOST" "_NETWORK=$NETWORK" "_SUBNET=$SUBNET"
  "_SERVICE_ACCOUNT=auth-api@$PROJECT.iam.gserviceaccount.com"
  "_MIGRATION_ACCOUNT=auth-api-migrate@$PROJECT.iam.gserviceaccount.com"
)
for pair in JWT_REFRESH=jwt-refresh-secret SESSION=session-secret CSRF=csrf-secret ENCRYPTION=encryption-key \
  DB_APP=db-app-password DB_OWNER=db-owner-password REDIS=redis-password REDIS_CA=redis-ca SMTP=smtp-password; do
  newest=$(version "${pair#*=}")
  values+=("_V_${pair%%=*}=$newest")
done
# The separator is named, since values hold commas.
joined=$(IFS=';' && printf '%s' "${values[*]}")
run gcloud builds submit --project "$PROJECT" --region "$REGION" --config "$here/cloudbuild.yaml" \
  --substitutions "^;^$joined" "$here/../.." ||
  fail 1 'the build failed; the last step that it names says why. The old revision goes on serving'
told 'Deployed. gcloud run services describe auth-api says where.'
