#!/usr/bin/env bash
# Who serves: which image, how many, how well, and what is open.
set -euo pipefail

# shellcheck source=pool.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/pool.sh"

usage() {
  cat <<HELP
usage: status.sh

Shows the state of the release, every server with its image and health, and what deploy/.env declares. It changes
nothing and may run beside a release. Ends with 1 where a server is not ready or a release is open.

$EXIT_CODES
HELP
}

tell_state() {
  case "$1" in
    blue) echo 'Everyone is on the service app.' ;;
    'split 0') echo 'A new image stands beside the service app; only testers (X-Canary: always) reach it.' ;;
    'split 100') echo 'Everyone is on app-green; the former image waits in app: finish or back.' ;;
    split*) echo "${1#split } % of the clients are on app-green: canary.sh share, finish or back." ;;
    *) echo 'Replicas are being replaced, or were when the script was killed: run it again, or pool.sh --reset.' ;;
  esac
}

main() {
  local service id ready state faults=0
  case "${1:-}" in
    '') ;;
    -h | --help) usage && exit 0 ;;
    *) die "$EX_USAGE" 'status.sh takes no arguments' ;;
  esac
  find_stack
  state=$(pool_state)
  tell_state "$state"
  [[ $state == blue ]] || faults=1
  printf '\n%-10s %-28s %-40s %s\n' SERVICE CONTAINER IMAGE STATE
  for service in app app-green; do
    for id in $(containers "$service"); do
      ready=ready
      if ! is_ready "$id"; then
        ready="not ready ($(about '{{.State.Status}}' "$id"))"
        faults=1
      fi
      printf '%-10s %-28s %-40s %s\n' "$service" "$(name_of "$id")" "$(image_of "$id")" "$ready"
    done
  done
  printf '\n.env: APP_IMAGE=%s APP_IMAGE_PREVIOUS=%s APP_REPLICAS=%s\n' "$(setting APP_IMAGE)" "$(setting APP_IMAGE_PREVIOUS)" "$(setting APP_REPLICAS)"
  exit "$faults"
}

main "$@"
