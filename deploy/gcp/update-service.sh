#!/usr/bin/env bash
# Changes settings, secrets or traffic of the running service, without a new image.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

usage() {
  cat <<'TEXT'
Usage: update-service.sh set NAME=VALUE …          changes settings; the others stay
       update-service.sh secret NAME=SECRET:VERSION …   changes references to secrets; the others stay
       update-service.sh canary REVISION PERCENT   gives a revision a share of the traffic
       update-service.sh promote                   gives the newest revision all of it
       update-service.sh rollback REVISION         gives a former revision all of it
       … --dry-run                                 prints the commands and changes nothing

Variables: PROJECT, REGION
TEXT
}

read_options "$@"
verb=${words[0]:-}
rest=("${words[@]:1}")
require PROJECT '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the id of a project'
require REGION '[a-z]+-[a-z]+[0-9]+' 'a region such as us-central1'
settle
require_program gcloud 'see https://cloud.google.com/sdk/docs/install'
service=(auth-api --project "$PROJECT" --region "$REGION")

each_is() {
  local word
  ((${#rest[@]})) || fail 64 "$verb takes at least one $2"
  for word in "${rest[@]}"; do
    [[ $word =~ ^($1)$ ]] || fail 64 "$word is not of the form $2"
  done
}

case $verb in
  set)
    each_is '[A-Z][A-Z0-9_]*=.*' NAME=VALUE
    for word in "${rest[@]}"; do
      [[ ! ${word%%=*} =~ (SECRET|PASSWORD|_KEY|_URL)$ || ${word%%=*} == PUBLIC_URL || ${word%%=*} == OAUTH_REDIRECT_URL ]] ||
        fail 64 "${word%%=*} is a secret: keep it in Secret Manager and use \`secret\`"
    done
    # --set-env-vars would drop every setting that is not named.
    run gcloud run services update "${service[@]}" "${rest[@]/#/--update-env-vars=^|^}"
    ;;
  secret)
    each_is '[A-Z][A-Z0-9_]*=[a-z0-9-]+:[0-9]+' NAME=SECRET:VERSION
    # --set-secrets would drop every secret that is not named.
    run gcloud run services update "${service[@]}" "${rest[@]/#/--update-secrets=}"
    ;;
  canary)
    [[ ${#rest[@]} == 2 && ${rest[1]} =~ ^([1-9]?[0-9]|100)$ ]] || fail 64 'canary takes a revision and a percentage'
    run gcloud run services update-traffic "${service[@]}" --to-revisions "${rest[0]}=${rest[1]}"
    ;;
  promote) run gcloud run services update-traffic "${service[@]}" --to-latest ;;
  rollback)
    [[ ${#rest[@]} == 1 ]] || fail 64 'rollback takes a revision; gcloud run revisions list names them'
    run gcloud run services update-traffic "${service[@]}" --to-revisions "${rest[0]}=100"
    ;;
  *) usage >&2; fail 64 'say set, secret, canary, promote or rollback' ;;
esac
