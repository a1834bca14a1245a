#!/usr/bin/env bash
# Makes and rotates auth-api's secrets in AWS Secrets Manager.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

readonly passwords=(db-owner-password db-app-password db-readonly-password db-monitor-password redis-password)

usage() {
  cat <<TEXT
Usage: secrets.sh create            makes the secrets that are missing; those that exist stay as they are
       secrets.sh rotate NAME       puts a new value in front of a list; the old ones are still accepted
       secrets.sh retire NAME       keeps only the newest value of a list
       secrets.sh arns              prints NAME_ARN=… for each
       … --dry-run                  prints the commands and changes nothing

The secrets are called auth-api/NAME. Lists: ${list_secrets[*]}.
Passwords of other systems: ${passwords[*]}.
After rotate and after retire: deploy-ecs.sh, so that every task starts anew. docs/guides/secrets.md says what to wait for.

Variables: AWS_REGION
TEXT
}

exists() {
  local answer
  show aws secretsmanager describe-secret --secret-id "auth-api/$1" --query ARN --output text
  [[ $dry_run == false ]] || return 1
  answer=$(aws secretsmanager describe-secret --secret-id "auth-api/$1" --query ARN --output text 2>&1) && return 0
  [[ $answer == *ResourceNotFoundException* ]] && return 1
  fail 69 "Secrets Manager does not answer for auth-api/$1: $answer"
}

create() {
  local name
  for name in "${list_secrets[@]}" "${passwords[@]}"; do
    if exists "$name"; then
      say "auth-api/$name exists already"
    else
      new_value "$name" >"$scratch/$name"
      run aws secretsmanager create-secret --name "auth-api/$name" --secret-string "file://$scratch/$name" \
        --tags Key=application,Value=auth-api --query ARN --output text
    fi
  done
}

# change NAME FUNCTION: reads the list, lets the function write the new one, stores it.
read_list() {
  show aws secretsmanager get-secret-value --secret-id "auth-api/$1" --query SecretString --output text
  if [[ $dry_run == true ]]; then
    printf 'new,old' >"$scratch/old"
  else
    aws secretsmanager get-secret-value --secret-id "auth-api/$1" --query SecretString --output text >"$scratch/old" ||
      fail 69 "auth-api/$1 cannot be read; nothing was changed"
  fi
}

store() {
  run aws secretsmanager put-secret-value --secret-id "auth-api/$1" --secret-string "file://$scratch/new" \
    --query VersionId --output text
}

rotate() {
  read_list "$1"
  in_front "$scratch/old" "$scratch/new" "$1"
  store "$1"
  told "auth-api/$1 has a new first value. Deploy, wait (docs/guides/secrets.md), then: secrets.sh retire $1"
}

retire() {
  read_list "$1"
  first_only "$scratch/old" "$scratch/new" || fail 1 "auth-api/$1 has one value only: there is nothing to take away"
  store "$1"
  told "auth-api/$1 holds only its newest value. Deploy, so that the servers forget the old one."
}

arns() {
  local name upper
  for name in "${list_secrets[@]}" "${passwords[@]}"; do
    upper=${name//-/_}
    printf '%s_ARN=%s\n' "${upper^^}" "$(ask "<arn of auth-api/$name>" \
      aws secretsmanager describe-secret --secret-id "auth-api/$name" --query ARN --output text)"
  done
}

read_options "$@"
verb=${words[0]:-}
name=${words[1]:-}
case $verb:$name in
  create: | arns:) ;;
  rotate:?* | retire:?*)
    is_list_secret "$name" ||
      fail 64 "$name is not one of ${list_secrets[*]}; docs/guides/secrets.md says how passwords are changed"
    ;;
  *) usage >&2; fail 64 'say create, rotate NAME, retire NAME or arns' ;;
esac
require AWS_REGION '[a-z]{2}(-[a-z]+)+-[0-9]' 'a region such as eu-central-1'
settle
require_program aws 'see https://docs.aws.amazon.com/cli/'
require_program openssl 'it makes the random values'
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER=''
scratch_folder
"$verb" ${name:+"$name"}
