#!/usr/bin/env bash
# Makes and rotates auth-api's secrets in Azure Key Vault.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib/cloud.sh
source "$here/../lib/cloud.sh"

readonly passwords=(db-owner-password db-app-password db-readonly-password db-monitor-password)

usage() {
  cat <<TEXT
Usage: secrets.sh create            makes the secrets that are missing; those that exist stay as they are
       secrets.sh put NAME          stores what comes on standard input: redis-password, smtp-password
       secrets.sh rotate NAME       puts a new value in front of a list; the old ones are still accepted
       secrets.sh retire NAME       keeps only the newest value of a list
       … --dry-run                  prints the commands and changes nothing

Lists: ${list_secrets[*]}. Passwords that it makes: ${passwords[*]}.
After each: deploy.sh. docs/guides/secrets.md says what to wait for.

Variables: VAULT (the name of the key vault)
TEXT
}

exists() {
  local answer
  show az keyvault secret show --vault-name "$VAULT" --name "$1" --query id --output tsv
  [[ $dry_run == false ]] || return 1
  answer=$(az keyvault secret show --vault-name "$VAULT" --name "$1" --query id --output tsv 2>&1) && return 0
  [[ $answer == *SecretNotFound* ]] && return 1
  fail 69 "the key vault $VAULT does not answer for $1: $answer"
}

# The identifier alone is asked for: the whole answer would repeat the value.
store() {
  run az keyvault secret set --vault-name "$VAULT" --name "$1" --file "$2" --encoding utf-8 \
    --tags application=auth-api --query id --output tsv
}

create() {
  local name
  for name in "${list_secrets[@]}" "${passwords[@]}"; do
    if exists "$name"; then
      say "$name exists already"
    else
      new_value "$name" >"$scratch/$name"
      store "$name" "$scratch/$name"
    fi
  done
}

put() {
  tr -d '\r\n' >"$scratch/new"
  [[ -s $scratch/new ]] || fail 64 'nothing came on standard input'
  store "$1" "$scratch/new"
}

read_list() {
  show az keyvault secret show --vault-name "$VAULT" --name "$1" --query value --output tsv
  if [[ $dry_run == true ]]; then
    printf 'new,old' >"$scratch/old"
  else
    az keyvault secret show --vault-name "$VAULT" --name "$1" --query value --output tsv >"$scratch/old" ||
      fail 69 "$1 cannot be read; nothing was changed"
  fi
}

rotate() {
  read_list "$1"
  in_front "$scratch/old" "$scratch/new" "$1"
  store "$1" "$scratch/new"
  told "$1 has a new first value. Deploy, wait (docs/guides/secrets.md), then: secrets.sh retire $1"
}

retire() {
  read_list "$1"
  first_only "$scratch/old" "$scratch/new" || fail 1 "$1 has one value only: there is nothing to take away"
  store "$1" "$scratch/new"
  told "$1 holds only its newest value. Deploy, so that the servers forget the old one."
}

read_options "$@"
verb=${words[0]:-}
name=${words[1]:-}
case $verb:$name in
  create: | put:redis-password | put:smtp-password) ;;
  rotate:?* | retire:?*)
    is_list_secret "$name" ||
      fail 64 "$name is not one of ${list_secrets[*]}; docs/guides/secrets.md says how passwords are changed"
    ;;
  *) usage >&2; fail 64 'say create, put NAME, rotate NAME or retire NAME' ;;
esac
require VAULT '[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]' 'the name of a key vault'
settle
require_program az 'see https://learn.microsoft.com/cli/azure/install-azure-cli'
require_program openssl 'it makes the random values'
scratch_folder
"$verb" ${name:+"$name"}
