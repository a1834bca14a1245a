#!/usr/bin/env bash
# Replaces the servers one after another, without a failed request.
set -euo pipefail

# shellcheck source=replace.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/replace.sh"

usage() {
  cat <<HELP
usage: rolling.sh IMAGE [--batch 1] [--patience 120s] [--no-migrate] [--force]

Migrates the database with IMAGE, then replaces the replicas of the service app, each by one of IMAGE that is ready and
answers as it should, and writes IMAGE into deploy/.env. An image that is not fit gets no request. Interrupted, it leaves
a stack that serves; run it again to finish.

IMAGE         a name with a tag that is not latest, or with a digest
--batch       so many replicas at a time: there is room for that many more
--patience    how long a replica may take until it is ready
--no-migrate  leaves the database as it is
--force       also replaces replicas that run IMAGE with today's settings: for new secrets

$EXIT_CODES
HELP
}

main() {
  local image='' batch=1 patience=120s migrates=true force=false former
  while (($# > 0)); do
    case "$1" in
      -h | --help) usage && exit 0 ;;
      --batch | --patience)
        (($# > 1)) || die "$EX_USAGE" "$1 takes a value"
        printf -v "${1#--}" %s "$2"
        shift
        ;;
      --no-migrate) migrates=false ;;
      --force) force=true ;;
      -*) die "$EX_USAGE" "there is no option $1: rolling.sh --help" ;;
      *)
        [[ -z $image ]] || die "$EX_USAGE" "one image, not both $image and $1"
        image=$1
        ;;
    esac
    shift
  done
  [[ -n $image ]] || die "$EX_USAGE" 'which image? rolling.sh --help'
  require_image_name "$image"
  require_number --batch "$batch" 1 50
  patience=$(seconds_of --patience "$patience")

  open_stack
  require_settled
  have_image "$image"
  former=$(former_image "$image")
  if $migrates; then migrate "$image"; fi
  roll "$image" "$batch" "$patience" "$force"
  keep_image "$image" "$former"
  settle
  say "$PROJECT runs $image"
}

main "$@"
