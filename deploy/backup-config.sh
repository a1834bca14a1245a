#!/usr/bin/env bash
# Keeps what the installation is configured with: settings, secrets, certificates, the proxy's files. Encrypted.
set -euo pipefail
# shellcheck source=lib/backup-common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/backup-common.sh"

usage() {
  cat <<USAGE
Usage: backup-config.sh [--plain] [--no-upload] [PATH …]

Packs, from CONFIG_DIR, what there is of .env .env.production secrets ssl nginx keys acme (or the PATHs instead) into
BACKUP_DIR/config_<time>/, reads it back and compares it with the files, and shows it under its name and as \`config-latest\`.
A backup of the database is worth nothing without the ENCRYPTION_KEY in here; keep it apart from the dumps.

  --plain       do not encrypt, although there are secrets among the files

Settings (environment):
  CONFIG_DIR               where these files are (beside this script)
  BACKUP_DIR (/backups)    RETENTION_DAYS (7): older ones go after a success, but never the newest three
$AGE_SETTINGS
  BACKUP_HMAC_KEY_FILE     sign with this key
$S3_SETTINGS

$EXIT_CODES
USAGE
}

PLAIN=no UPLOAD=yes PATHS=()
while (($# > 0)); do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --plain) PLAIN=yes ;;
    --no-upload) UPLOAD=no ;;
    -*) die "$EX_USAGE" "$1 is not understood; --help says what is" ;;
    *) PATHS+=("$1") ;;
  esac
  shift
done

PARTIAL=''
on_end() { if [[ -n $PARTIAL ]]; then rm -rf -- "$PARTIAL"; fi; }

readonly USUAL=(.env .env.production secrets ssl nginx keys acme)

choose_files() {
  local one link
  CONFIG_DIR=${CONFIG_DIR:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)}
  [[ -d $CONFIG_DIR ]] || { fault "CONFIG_DIR is $CONFIG_DIR, which is no directory"; return; }
  if ((${#PATHS[@]} == 0)); then
    for one in "${USUAL[@]}"; do if [[ -e $CONFIG_DIR/$one ]]; then PATHS+=("$one"); fi; done
    ((${#PATHS[@]} > 0)) || fault "$CONFIG_DIR has none of ${USUAL[*]}: CONFIG_DIR names where they are"
  fi
  for one in ${PATHS[@]+"${PATHS[@]}"}; do
    if [[ $one == /* || /$one/ == */../* ]]; then fault "$one leads out of CONFIG_DIR: name paths within it"
    elif [[ ! -e $CONFIG_DIR/$one ]]; then fault "$CONFIG_DIR/$one does not exist"
    else
      # A link is kept as a link: one that leads elsewhere would leave out the very key that it names.
      while IFS= read -r link; do
        case $(readlink -f -- "$link" || true) in
          "$(readlink -f -- "$CONFIG_DIR")"/*) ;;
          *) fault "$link leads to $(readlink -- "$link"), which is not in $CONFIG_DIR: put a copy there, or back that place up as well" ;;
        esac
      done < <(find "$CONFIG_DIR/$one" -type l)
    fi
  done
}

# By content, not by name: what is a secret is a secret wherever it lies.
has_secrets() {
  local one
  for one in "${PATHS[@]}"; do case /$one/ in */.env*/ | */secrets/* | */keys/*) return 0 ;; esac; done
  grep -rqlE -- '-----BEGIN [A-Z ]*PRIVATE KEY-----|^[A-Z_]*(SECRET|PASSWORD|TOKEN|_KEY)=.' "${PATHS[@]/#/$CONFIG_DIR/}" 2>/dev/null
}

BACKUP_DIR=${BACKUP_DIR:-/backups} RETENTION_DAYS=${RETENTION_DAYS:-7}
open_scratch
choose_files
need_number RETENTION_DAYS "$RETENTION_DAYS" 1
read_encryption_settings
need_hmac_key
if [[ $UPLOAD == yes ]]; then read_s3_settings; fi
need_program tar 'the archive' tar
refuse_faults "$EX_CONFIG"
if ! is_encrypting && [[ $PLAIN == no ]] && has_secrets; then
  die "$EX_CONFIG" 'refused: there are secrets among the files, and nothing to encrypt to. Name a public key with AGE_RECIPIENTS (age-keygen makes a pair; keep the secret half elsewhere), or say --plain.'
fi

open_backup_directory config
STARTED=$SECONDS
NAME=$(new_name config)
PARTIAL=$BACKUP_DIR/.partial-$NAME
mkdir -- "$PARTIAL" 2>"$SCRATCH/mkdir" || die "$EX_IO" "$(<"$SCRATCH/mkdir")"
FILE=config.tar.gz
status=()
set +e
if is_encrypting; then
  add_passing_recipient
  FILE=config.tar.gz.age
  tar --create --gzip --numeric-owner --directory="$CONFIG_DIR" -- "${PATHS[@]}" 2>"$SCRATCH/tar.err" |
    age "${AGE_TO[@]}" --output "$PARTIAL/$FILE" 2>"$SCRATCH/age.err"
  status=("${PIPESTATUS[@]}")
else
  : >"$SCRATCH/age.err"
  tar --create --gzip --numeric-owner --directory="$CONFIG_DIR" --file="$PARTIAL/$FILE" -- "${PATHS[@]}" 2>"$SCRATCH/tar.err"
  status=($? 0)
fi
set -e
if grep -qi 'no space left on device' "$SCRATCH/tar.err" "$SCRATCH/age.err"; then no_space "$BACKUP_DIR" 'the archive could not be written'; fi
((status[0] == 0 && status[1] == 0)) ||
  die "$EX_FAILED" "the archive could not be made: $(tail -n 3 "$SCRATCH/tar.err" "$SCRATCH/age.err" | tr '\n' ' ')Nothing was kept."
# Read back and compared with the files themselves.
if ! read_plain "$PARTIAL/$FILE" "$SCRATCH/passing.key" 2>"$SCRATCH/age.err" |
  tar --compare --gzip --directory="$CONFIG_DIR" >"$SCRATCH/compare" 2>&1; then
  die "$EX_FAILED" "the archive is not what the files are: $(tail -n 3 "$SCRATCH/compare" "$SCRATCH/age.err" | tr '\n' ' ')It was not kept."
fi
FILES=$(read_plain "$PARTIAL/$FILE" "$SCRATCH/passing.key" | tar --list --gzip | grep -vc '/$' || true)
if ! printf '{\n  "format": 1,\n  "name": "%s",\n  "files": %s,\n  "archive": {"file": "%s", "bytes": %s, "sha256": "%s"}\n}\n' \
  "$NAME" "$FILES" "$FILE" "$(stat -c %s -- "$PARTIAL/$FILE")" "$(sha256_of "$PARTIAL/$FILE")" >"$PARTIAL/manifest.json" ||
  ! seal_directory "$PARTIAL"; then no_space "$BACKUP_DIR" 'the manifest could not be written'; fi
check_directory "$PARTIAL" "$FILE" manifest.json
publish "$PARTIAL" "$NAME" config-latest || no_space "$BACKUP_DIR" 'the backup could not be put in its place'
PARTIAL=''
if [[ $UPLOAD == yes && -n ${S3_URI:-} ]]; then upload "$BACKUP_DIR/$NAME" "$NAME"; fi
remove_old config
say "$NAME: $FILES files$(is_encrypting && echo ', encrypted'), compared with $CONFIG_DIR, $((SECONDS - STARTED)) s"
printf '%s\n' "$BACKUP_DIR/$NAME"
