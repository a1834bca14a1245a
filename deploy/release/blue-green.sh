#!/usr/bin/env bash
# A second set of servers beside the first, and everyone switched over at once; back as quickly.
set -euo pipefail

# shellcheck source=green.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/green.sh"

usage() {
  cat <<HELP
usage: blue-green.sh IMAGE [options]         deploy, then finish
       blue-green.sh deploy IMAGE [options]  green servers beside the blue ones, tried, then everyone on them
       blue-green.sh back                    everyone on the former image again, at once; green goes
       blue-green.sh finish                  the service app gets the new image and everyone; green goes

deploy migrates the database first, and goes back by itself where the new image is worse than the former one. After it
the former image keeps running until finish or back. Interrupted, deploy goes back; finish is simply run again.

--watch 30s       how long the new image is watched after the switch
--max-errors 1    so many percent more of its requests may go wrong than of the former image's
--patience 120s   how long a server may take until it is ready
--no-migrate      leaves the database as it is

$EXIT_CODES
HELP
}

deploy() { # IMAGE WATCH MAX_ERRORS PATIENCE MIGRATES
  require_blue
  have_image "$1"
  if $5; then migrate "$1"; fi
  follow_requests
  open_green "$1" "$4"
  publish split 100
  say "everyone is on $1; watching for $2 s"
  if ! watch_green "$2" 100 0 "$3" 10 0; then die "$EX_FAILED" "$REASON"; fi
  GOES_BACK=false
}

main() {
  local verb='' image='' watch=30s max_errors=1 patience=120s migrates=true
  while (($# > 0)); do
    case "$1" in
      -h | --help) usage && exit 0 ;;
      --watch | --patience | --max-errors)
        (($# > 1)) || die "$EX_USAGE" "$1 takes a value"
        local name=${1#--}
        printf -v "${name//-/_}" %s "$2"
        shift
        ;;
      --no-migrate) migrates=false ;;
      -*) die "$EX_USAGE" "there is no option $1: blue-green.sh --help" ;;
      deploy | back | finish)
        [[ -z $verb$image ]] || die "$EX_USAGE" 'one thing at a time: blue-green.sh --help'
        verb=$1
        ;;
      *)
        [[ -z $image ]] || die "$EX_USAGE" "one image, not both $image and $1"
        image=$1
        ;;
    esac
    shift
  done
  watch=$(seconds_of --watch "$watch")
  patience=$(seconds_of --patience "$patience")
  require_number --max-errors "$max_errors" 0 100
  case "${verb:-both}" in
    deploy | both)
      [[ -n $image ]] || die "$EX_USAGE" 'which image? blue-green.sh --help'
      require_image_name "$image"
      ;;
    *) [[ -z $image ]] || die "$EX_USAGE" "$verb takes no image" ;;
  esac

  open_stack
  case "${verb:-both}" in
    deploy)
      deploy "$image" "$watch" "$max_errors" "$patience" "$migrates"
      say 'the former image keeps running: blue-green.sh finish, or blue-green.sh back'
      ;;
    both)
      deploy "$image" "$watch" "$max_errors" "$patience" "$migrates"
      finish_green "$patience"
      ;;
    finish)
      require_green
      finish_green "$patience"
      ;;
    back)
      mend_blue "$patience"
      close_green
      ;;
  esac
}

main "$@"
