#!/usr/bin/env bash
# A new image for a share of the clients first, for more and more of them, and for nobody where it is worse.
set -euo pipefail

# shellcheck source=green.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/green.sh"

usage() {
  cat <<HELP
usage: canary.sh IMAGE [--share 10 | --steps 10,25,50] [options]   up to everyone, or back
       canary.sh IMAGE --share 10 --hold [options]                 stays at the share
       canary.sh share N                                           another share for the one that is held
       canary.sh finish | back                                     everyone on the new image, or on the former one

The same client stays on its side, by its address and User-Agent. "X-Canary: always" or "never" chooses a side. At each
step the answers of both sides are compared as nginx logs them; the new image goes as soon as it is worse. Interrupted,
it goes too.

--watch 60s       how long a step lasts at least
--enough 100      how many requests to the new image a step waits for; below them nothing is judged well
--max-errors 1    so many percent more of its requests may go wrong (5xx) than of the former image's
--max-slower 3    so many times as long its 95th percentile may be, and 250 ms
--patience 120s   how long a server may take until it is ready
--no-migrate      leaves the database as it is

$EXIT_CODES
HELP
}

OPTIONS=(share steps watch enough max-errors max-slower patience)
declare -A given=([watch]=60s [enough]=100 [max-errors]=1 [max-slower]=3 [patience]=120s)
VERB=''
IMAGE=''
HOLDS=false
MIGRATES=true

read_arguments() {
  local name
  while (($# > 0)); do
    name=${1#--}
    case "$1" in
      -h | --help) usage && exit 0 ;;
      --hold) HOLDS=true ;;
      --no-migrate) MIGRATES=false ;;
      --*)
        [[ " ${OPTIONS[*]} " == *" $name "* ]] || die "$EX_USAGE" "there is no option $1: canary.sh --help"
        (($# > 1)) || die "$EX_USAGE" "$1 takes a value"
        given[$name]=$2
        shift
        ;;
      share | finish | back)
        [[ -z $VERB$IMAGE ]] || die "$EX_USAGE" 'one thing at a time: canary.sh --help'
        VERB=$1
        if [[ $1 == share ]]; then
          given[share]=${2:-}
          shift $(($# > 1))
        fi
        ;;
      *)
        [[ -z $IMAGE ]] || die "$EX_USAGE" "one image, not both $IMAGE and $1"
        IMAGE=$1
        ;;
    esac
    shift
  done
}

check_arguments() {
  local name step last=0
  for name in watch patience; do given[$name]=$(seconds_of "--$name" "${given[$name]}"); done
  require_number --enough "${given[enough]}" 1 100000
  require_number --max-errors "${given[max-errors]}" 0 100
  require_number --max-slower "${given[max-slower]}" 1 100
  if [[ -n $VERB ]]; then
    [[ -z $IMAGE ]] || die "$EX_USAGE" "$VERB takes no image"
    [[ $VERB != share ]] || require_number share "${given[share]}" 0 99
    return 0
  fi
  [[ -n $IMAGE ]] || die "$EX_USAGE" 'which image? canary.sh --help'
  require_image_name "$IMAGE"
  [[ -z ${given[share]:-} || -z ${given[steps]:-} ]] || die "$EX_USAGE" 'either --share or --steps'
  if $HOLDS && [[ -z ${given[share]:-} ]]; then die "$EX_USAGE" '--hold takes a --share'; fi
  given[steps]=${given[steps]:-${given[share]:-10,25,50}}
  for step in ${given[steps]//,/ }; do
    require_number --steps "$step" 1 99
    ((10#$step > last)) || die "$EX_USAGE" "--steps go up, unlike ${given[steps]}"
    last=$((10#$step))
  done
  ((last > 0)) || die "$EX_USAGE" '--steps takes shares in percent, such as 10,25,50'
}

step_to() { # SHARE NEEDED
  local from
  publish split "$1"
  # What the workers of before have logged belongs to the share of before.
  from=$(requests_seen)
  say "$1 % are on $IMAGE; watching for ${given[watch]} s"
  if ! watch_green "${given[watch]}" "${given[enough]}" "$2" "${given[max-errors]}" "${given[max-slower]}" "$from"; then
    die "$EX_FAILED" "$REASON"
  fi
}

release() {
  local step
  require_blue
  have_image "$IMAGE"
  if $MIGRATES; then migrate "$IMAGE"; fi
  follow_requests
  open_green "$IMAGE" "${given[patience]}"
  for step in ${given[steps]//,/ }; do step_to "$((10#$step))" "${given[enough]}"; done
  if $HOLDS; then
    GOES_BACK=false
    say 'it stays so: canary.sh share N, canary.sh finish, or canary.sh back'
    return 0
  fi
  finish_green "${given[patience]}"
}

read_arguments "$@"
check_arguments
open_stack
case "$VERB" in
  '') release ;;
  share) require_green && publish split "$((10#${given[share]}))" && say "$((10#${given[share]})) % are on $(setting GREEN_IMAGE)" ;;
  finish)
    require_green
    finish_green "${given[patience]}"
    ;;
  back)
    mend_blue "${given[patience]}"
    close_green
    ;;
esac
