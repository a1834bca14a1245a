#!/usr/bin/env bash
# Makes and rotates auth-api's secrets in Google Secret Manager.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

readonly passwords=(db-owner-password db-app-password db-readonly-password db-monitor-password)

usage() {
  cat <<TEXT
Usage: secrets.sh create            makes the secrets that are missing; those that exist stay as they are
       secrets.sh put NAME          stores what comes on standard input: redis-password, redis-ca, smtp-password
       secrets.sh rotate NAME       puts a new value in front of a list; the old ones are still accepted
       secrets.sh retire NAME       keeps only the newest value of a list
       … --dry-run                  prints the commands and changes nothing

The secrets are called auth-api-NAME. Lists: ${list_secrets[*]}. Passwords that it makes: ${passwords[*]}.
After each: deploy.sh, or update-service.sh secret. docs/guides/secrets.md says what to wait for.

Variables: PROJECT
TEXT
}

exists() {
  local answer
  show gcloud secrets describe "auth-api-$1" --project "$PROJECT" --format 'value(name)'
  [[ $dry_run == false ]] || return 1
  answer=$(gcloud secrets describe "auth-api-$1" --project "$PROJECT" --format 'value(name)' 2>&1) && return 0
  [[ $answer == *NOT_FOUND* ]] && return 1
  fail 69 "Secret Manager does not answer for auth-api-$1: $answer"
}

make() {
  run gcloud secrets create "auth-api-$1" --project "$PROJECT" --replication-policy automatic \
    --labels application=auth-api --data-file "$2"
}

create() {
  local name
  for name in "${list_secrets[@]}" "${passwords[@]}"; do
    if exists "$name"; then
      say "auth-api-$name exists already"
    else
      new_value "$name" >"$scratch/$name"
      make "$name" "$scratch/$name"
    fi
  done
}

store() {
  run gcloud secrets versions add "auth-api-$1" --project "$PROJECT" --data-file "$2"
}

put() {
  tr -d '\r' >"$scratch/new"
  [[ -s $scratch/new ]] || fail 64 'nothing came on standard input'
  if exists "$1"; then store "$1" "$scratch/new"; else make "$1" "$scratch/new"; fi
}

read_list() {
  show gcloud secrets versions access latest --secret "auth-api-$1" --project "$PROJECT"
  if [[ $dry_run == true ]]; then
    printf 'new,old' >"$scratch/old"
  else
    gcloud secrets versions access latest --secret "auth-api-$1" --project "$PROJECT" >"$scratch/old" ||
      fail 69 "auth-api-$1 cannot be read; nothing was changed"
  fi
}

rotate() {
  read_list "$1"
  in_front "$scratch/old" "$scratch/new" "$1"
  store "$1" "$scratch/new"
  told "auth-api-$1 has a new first value. Deploy, wait (docs/guides/secrets.md), then: secrets.sh retire $1"
}

retire() {
  read_list "$1"
  first_only "$scratch/old" "$scratch/new" || fail 1 "auth-api-$1 has one value only: there is nothing to take away"
  store "$1" "$scratch/new"
  told "auth-api-$1 holds only its newest value. Deploy, so that the servers forget the old one."
}

read_options "$@"
verb=${words[0]:-}
name=${words[1]:-}
case $verb:$name in
  create: | put:redis-password | put:redis-ca | put:smtp-password) ;;
  rotate:?* | retire:?*)
    is_list_secret "$name" ||
      fail 64 "$name is not one of ${list_secrets[*]}; docs/guides/secrets.md says how passwords are changed"
    ;;
  *) usage >&2; fail 64 'say create, put NAME, rotate NAME or retire NAME' ;;
esac
require PROJECT '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'the id of a project'
settle
require_program gcloud 'see https://cloud.google.com/sdk/docs/install'
require_program openssl 'it makes the random values'
scratch_folder
"$verb" ${name:+"$name"}
