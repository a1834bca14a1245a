#!/usr/bin/env bash
# The former image again. The database stays as it is.
set -euo pipefail

# shellcheck source=replace.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/replace.sh"

usage() {
  cat <<HELP
usage: rollback.sh [IMAGE] [--batch N] [--patience 120s]

Back to IMAGE, or to the image of before the last release (APP_IMAGE_PREVIOUS in deploy/.env), all replicas at once and
without a failed request. Run twice, it comes forward again.

The schema is not migrated backwards, and need not be: a migration only adds what the former server does not know, and
what it knows is taken away one release later at the earliest. Nothing that was written since is lost.

$EXIT_CODES
HELP
}

main() {
  local image='' batch=50 patience=120s current
  while (($# > 0)); do
    case "$1" in
      -h | --help) usage && exit 0 ;;
      --batch | --patience)
        (($# > 1)) || die "$EX_USAGE" "$1 takes a value"
        printf -v "${1#--}" %s "$2"
        shift
        ;;
      -*) die "$EX_USAGE" "there is no option $1: rollback.sh --help" ;;
      *)
        [[ -z $image ]] || die "$EX_USAGE" "one image, not both $image and $1"
        image=$1
        ;;
    esac
    shift
  done
  require_number --batch "$batch" 1 50
  patience=$(seconds_of --patience "$patience")
  [[ -z $image ]] || require_image_name "$image"

  open_stack
  require_settled
  image=${image:-$(setting APP_IMAGE_PREVIOUS)}
  [[ -n $image ]] || die "$EX_FAILED" "no release is known to go back from (APP_IMAGE_PREVIOUS in $DEPLOY/.env): name the image"
  have_image "$image"
  current=$(former_image "$image")
  say "back to $image; the database keeps its schema, which the former server can work with"
  roll "$image" "$batch" "$patience" false
  keep_image "$image" "$current"
  settle
  say "$PROJECT runs $image"
}

main "$@"
