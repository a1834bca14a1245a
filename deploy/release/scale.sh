#!/usr/bin/env bash
# Another number of servers, up or down, without a failed request.
set -euo pipefail

# shellcheck source=replace.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/replace.sh"

usage() {
  cat <<HELP
usage: scale.sh COUNT [--patience 120s]

COUNT replicas of the service app, and APP_REPLICAS in deploy/.env, so that the next compose command keeps them.
New ones get requests once they are ready; those that go get none before they stop.

$EXIT_CODES
HELP
}

scale_to() { # IMAGE COUNT PATIENCE
  local image=$1 count=$2
  if ((${#POOL[@]} < count)); then
    start_batch "$image" "$((count - ${#POOL[@]}))" "$3"
    pin "${POOL[@]}" "${ADDED[@]}"
  elif ((${#POOL[@]} > count)); then
    pin "${POOL[@]:0:count}"
  fi
}

main() {
  local count='' patience=120s
  while (($# > 0)); do
    case "$1" in
      -h | --help) usage && exit 0 ;;
      --patience)
        (($# > 1)) || die "$EX_USAGE" "$1 takes a value"
        patience=$2
        shift
        ;;
      -*) die "$EX_USAGE" "there is no option $1: scale.sh --help" ;;
      *)
        [[ -z $count ]] || die "$EX_USAGE" "one count, not both $count and $1"
        count=$1
        ;;
    esac
    shift
  done
  require_number scale.sh "$count" 1 50
  patience=$(seconds_of --patience "$patience")

  open_stack
  require_settled
  pin_healthy
  scale_to "$(lasting_name "${POOL[0]}")" "$((10#$count))" "$patience"
  keep_settings "APP_REPLICAS=$((10#$count))"
  settle
  say "$PROJECT has $((10#$count)) servers"
}

main "$@"
