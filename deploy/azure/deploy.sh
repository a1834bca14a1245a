#!/usr/bin/env bash
# Migrates the database, then brings the new image to Container Apps, or with --instances to Container Instances.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: deploy.sh [--instances] [--dry-run]

1. runs the migration with the new image and waits: anything but success stops here, the old version goes on serving
2. Container Apps: creates or updates the app; the new revision gets traffic when its start-up probe has seen /ready
   --instances: creates the container group anew. It has no rolling update: between the old and the new one it is away

Variables: RESOURCE_GROUP, LOCATION, IMAGE (with a digest or a fixed tag), REGISTRY (x.azurecr.io), VAULT,
  IDENTITY_ID (resource id), PUBLIC_URL, TRUSTED_PROXIES, DB_HOST, REDIS_HOST, EMAIL_FROM, SMTP_HOST, SMTP_USER;
  for Container Apps ENVIRONMENT_ID; for --instances SUBNET_ID and IDENTITY_CLIENT_ID; optionally WAIT_SECONDS (600)
TEXT
}

instances=false
arguments=()
for word in "$@"; do
  if [[ $word == --instances ]]; then instances=true; else arguments+=("$word"); fi
done
read_options "${arguments[@]+"${arguments[@]}"}"
WAIT_SECONDS=${WAIT_SECONDS:-600}
resource='/subscriptions/[^[:space:]]+'
require RESOURCE_GROUP '[a-zA-Z0-9._()-]+' 'the name of a resource group'
require LOCATION '[a-z0-9]+' 'a location such as westeurope'
require_image IMAGE 'an image such as example.azurecr.io/auth-api@sha256:…'
require REGISTRY '[a-z0-9]+\.azurecr\.io' 'a registry such as example.azurecr.io'
require VAULT '[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]' 'the name of a key vault'
require IDENTITY_ID "$resource" 'the resource id of the user-assigned identity'
require PUBLIC_URL 'https://[^/[:space:]]+' 'an origin such as https://auth.example.com'
require TRUSTED_PROXIES '[0-9a-f.:/,]+' 'the ranges of the gateway, such as 10.0.0.0/23,100.100.0.0/16'
require DB_HOST '[a-zA-Z0-9.-]+' 'the name that create-postgres.sh printed'
require REDIS_HOST '[a-zA-Z0-9.-]+' 'the name that create-redis.sh printed'
require EMAIL_FROM '.+@.+' 'a sender such as Example <no-reply@example.com>'
require SMTP_HOST '[a-zA-Z0-9.-]+' 'the host of the mail server'
require SMTP_USER '[^[:space:]]+' 'the user at the mail server'
require WAIT_SECONDS '[1-9][0-9]{0,3}' 'seconds'
if [[ $instances == true ]]; then
  require SUBNET_ID "$resource" 'the resource id of a subnet delegated to Microsoft.ContainerInstance/containerGroups'
  require IDENTITY_CLIENT_ID '[0-9a-f-]{36}' 'the client id of the identity'
else
  require ENVIRONMENT_ID "$resource" 'the resource id of the Container Apps environment'
fi
settle
require_program az 'see https://learn.microsoft.com/cli/azure/install-azure-cli'
scratch_folder
REVISION=$(date -u +r%Y%m%d%H%M%S)
names=(LOCATION IMAGE REGISTRY VAULT IDENTITY_ID PUBLIC_URL TRUSTED_PROXIES DB_HOST REDIS_HOST EMAIL_FROM SMTP_HOST
  SMTP_USER)
if [[ $instances == true ]]; then names+=(SUBNET_ID IDENTITY_CLIENT_ID); else names+=(ENVIRONMENT_ID REVISION); fi

filled() {
  fill "$here/$1" "${names[@]}" >"$scratch/$1"
  printf '%s' "$scratch/$1"
}

# wait_for STAND_IN GOOD BAD COMMAND…: asks until the answer is one of the two lists, or the time is over.
wait_for() {
  local stand_in=$1 good=$2 bad=$3 state='' until=$((SECONDS + WAIT_SECONDS))
  shift 3
  while ((SECONDS < until)); do
    state=$(ask "$stand_in" "$@") || state='no answer'
    [[ " $good " != *" $state "* ]] || return 0
    [[ " $bad " != *" $state "* ]] || break
    sleep 5
  done
  say "The last state was: $state"
  return 1
}

migrate_app() {
  local file job=(--name auth-api-migrate --resource-group "$RESOURCE_GROUP") execution
  file=$(filled container-app-migrate.yaml)
  # create also updates a job that exists.
  run az containerapp job create "${job[@]}" --yaml "$file" --query name --output tsv ||
    fail 69 'the migration job was not taken; nothing was changed'
  execution=$(ask '<execution>' az containerapp job start "${job[@]}" --query name --output tsv) ||
    fail 69 'the migration could not be started; nothing was changed'
  wait_for Succeeded Succeeded 'Failed Degraded Stopped' az containerapp job execution show "${job[@]}" \
    --job-execution-name "$execution" --query properties.status --output tsv ||
    fail 1 "the migration did not succeed: az containerapp job logs show … --execution $execution --container migrate. \
The old version goes on serving"
  told 'The schema is up to date.'
}

release_app() {
  local file app=(--name auth-api --resource-group "$RESOURCE_GROUP") found
  file=$(filled container-app.yaml)
  found=$(ask auth-api az containerapp list --resource-group "$RESOURCE_GROUP" \
    --query "[?name=='auth-api'].name | [0]" --output tsv) || fail 69 'Container Apps does not answer'
  if [[ $found == auth-api ]]; then
    run az containerapp update "${app[@]}" --yaml "$file" --query name --output tsv
  else
    run az containerapp create "${app[@]}" --yaml "$file" --query name --output tsv
  fi
  wait_for Healthy Healthy Unhealthy az containerapp revision show "${app[@]}" \
    --revision "auth-api--$REVISION" --query properties.healthState --output tsv ||
    fail 1 "auth-api--$REVISION did not become healthy; it gets no traffic, the former revision goes on serving"
  told "auth-api--$REVISION serves."
}

state='containers[0].instanceView.currentState'
migrate_group() {
  local file group=(--name auth-api-migrate --resource-group "$RESOURCE_GROUP") code
  file=$(filled azure-container-instances-migrate.yaml)
  run az container create --resource-group "$RESOURCE_GROUP" --file "$file" --query name --output tsv ||
    fail 69 'the migration was not taken; nothing was changed'
  wait_for Terminated Terminated '' az container show "${group[@]}" --query "$state.state" --output tsv ||
    fail 1 'the migration does not end; az container logs --name auth-api-migrate says more'
  code=$(ask 0 az container show "${group[@]}" --query "$state.exitCode" --output tsv)
  [[ $code == 0 ]] || fail 1 "the migration ended with exit code $code; az container logs --name auth-api-migrate says \
why. The old version goes on serving"
  run az container delete "${group[@]}" --yes --query name --output tsv
  told 'The schema is up to date.'
}

release_group() {
  local file
  file=$(filled azure-container-instances.yaml)
  run az container create --resource-group "$RESOURCE_GROUP" --file "$file" --query name --output tsv
  wait_for Running Running Terminated az container show --name auth-api --resource-group "$RESOURCE_GROUP" \
    --query "$state.state" --output tsv || fail 1 'the container does not run; az container logs --name auth-api says why'
  told 'The container group runs; the gateway sends requests to it when /ready answers 200.'
}

if [[ $instances == true ]]; then
  migrate_group
  release_group
else
  migrate_app
  release_app
fi
