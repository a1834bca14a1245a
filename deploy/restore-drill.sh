#!/usr/bin/env bash
# A restore drill: backs up, restores elsewhere, lets auth-api examine it and sign in, records that in the live database.
set -euo pipefail
# shellcheck source=lib/backup-common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/backup-common.sh"

usage() {
  cat <<USAGE
Usage: restore-drill.sh [BACKUP] [--compose] [--canary EMAIL --canary-password-file FILE] [--keep]

Makes a backup (or takes BACKUP, such as /backups/latest), restores it into DB_NAME_drill_<time>, compares rows and
checksums, runs \`auth-api backup prove\` against it, drops it, and writes a report. \`auth-api backup verify\` and the metric
auth_restore_proven_timestamp_seconds say afterwards when that last went well.

  --compose     with the services backup, restore and app of docker-compose.prod.yml, beside this script; BACKUP is a path
                in there. Else with the programs of this machine.
  --canary      an account that signs in to the restored database, too
  --keep        do not drop the restored database

Settings (environment), beside those of backup-db.sh and restore-db.sh:
  RESTORE_DB_USER (postgres), RESTORE_DB_PASSWORD_FILE    for the restore; DB_USER and DB_PASSWORD_FILE are for the backup
  DATABASE_URL, ENCRYPTION_KEY_FILE …   those of the server, for auth-api: DB_HOST and its like are the backup's and not handed on
  AUTH_API                 the command (auth-api, or node and this checkout), which may bring these settings itself
  REPORT_DIR               where the report goes (drills, beside this script)

$EXIT_CODES
USAGE
}

BACKUP='' COMPOSE=no KEEP=no CANARY=()
while (($# > 0)); do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --compose) COMPOSE=yes ;;
    --keep) KEEP=yes ;;
    --canary | --canary-password-file)
      [[ -n ${2:-} ]] || fault "$1 needs a value"
      CANARY+=("$1=${2:-}")
      shift || true ;;
    -*) fault "$1 is not understood; --help says what is" ;;
    *) if [[ -z $BACKUP ]]; then BACKUP=$1; else fault "one backup at a time: $1 is too much"; fi ;;
  esac
  shift || true
done
refuse_faults "$EX_USAGE"

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
REPORT_DIR=${REPORT_DIR:-$HERE/drills}
DB_NAME=${DB_NAME:-auth_db}
STAMP=$(date -u +%Y%m%d_%H%M%S)
DRILL=${DB_NAME}_drill_$STAMP
STAGE=preparation MADE=no AS_OF='' NAME='' ROWS=0 TABLES=0 BYTES=0
declare -A TOOK=([backup]=null [restore]=null [prove]=null)

in_compose() { docker compose --file "$HERE/docker-compose.prod.yml" run --rm --no-TTY --no-deps "$@"; }

run_backup() { if [[ $COMPOSE == yes ]]; then in_compose backup; else "$HERE/backup-db.sh"; fi; }

run_restore() {
  if [[ $COMPOSE == yes ]]; then
    in_compose restore "$@"
  else
    DB_USER=${RESTORE_DB_USER:-postgres} DB_PASSWORD_FILE=${RESTORE_DB_PASSWORD_FILE:-} "$HERE/restore-db.sh" "$@"
  fi
}

read_manifest() {
  if [[ $COMPOSE == yes ]]; then in_compose --entrypoint cat restore "$BACKUP/manifest.json"; else cat -- "$BACKUP/manifest.json"; fi
}

# A machine that has just restored is busy: where the database does not answer in time (69), it is asked again.
prove_patiently() {
  local try status=0
  for try in 1 2 3; do
    status=0
    run_prove <"$SCRATCH/manifest.json" >"$SCRATCH/proof.json" || status=$?
    ((status == EX_UNAVAILABLE && try < 3)) || return "$status"
    sleep 5
  done
}

run_prove() {
  local words=(backup prove "--database=$DRILL" --manifest=- --json ${CANARY[@]+"${CANARY[@]}"})
  if [[ $COMPOSE == yes ]]; then
    in_compose app "${words[@]}"
    return
  fi
  # DB_USER and its like are the backup's here; the server has its own.
  local command=(env -u DB_HOST -u DB_PORT -u DB_NAME -u DB_USER -u DB_PASSWORD_FILE) given=()
  read -ra given <<<"${AUTH_API:-}"
  if ((${#given[@]} > 0)); then command+=("${given[@]}")
  elif command -v auth-api >/dev/null; then command+=(auth-api)
  else command+=(node "$HERE/../server/bin/auth-api.mjs"); fi
  "${command[@]}" "${words[@]}"
}

timed() { # stage, command …; its stdout stays
  local began=$EPOCHREALTIME status=0
  STAGE=$1
  "${@:2}" || status=$?
  TOOK[$1]=$(((${EPOCHREALTIME/[.,]/} - ${began/[.,]/}) / 1000))
  TOOK[$1]=$((TOOK[$1] / 1000)).$(printf '%03d' $((TOOK[$1] % 1000)))
  return "$status"
}

on_end() {
  if [[ $MADE == yes && $KEEP == no ]]; then
    run_restore --drop "$DRILL" >/dev/null 2>"$SCRATCH/drop" || say "$DRILL could not be dropped: $(tail -n 1 "$SCRATCH/drop")"
  fi
  if [[ $1 != 0 && $STAGE != finished ]]; then report false; fi
}

report() { # true or false
  local checks='null' file=$REPORT_DIR/drill_$STAMP.json
  if [[ -s $SCRATCH/proof.json ]]; then checks=$(<"$SCRATCH/proof.json"); fi
  mkdir -p -- "$REPORT_DIR"
  printf '{"ok": %s, "at": "%s", "stage": "%s", "backup": "%s", "as_of": "%s", "tables": %s, "rows": %s, "bytes": %s, "seconds": {"backup": %s, "restore": %s, "prove": %s},\n"proof": %s}\n' \
    "$1" "$STAMP" "$STAGE" "$NAME" "$AS_OF" "$TABLES" "$ROWS" "$BYTES" "${TOOK[backup]}" "${TOOK[restore]}" "${TOOK[prove]}" "$checks" >"$file.partial"
  mv -f -- "$file.partial" "$file"
  say "report: $file"
}

read_figures() {
  read_manifest >"$SCRATCH/manifest.json" || die "$EX_DATA" "$BACKUP has no manifest"
  NAME=$(sed -n 's/^  "name": "\([A-Za-z0-9_]*\)",$/\1/p' "$SCRATCH/manifest.json")
  AS_OF=$(sed -n 's/^  "as_of": "\([0-9TZ:-]*\)",$/\1/p' "$SCRATCH/manifest.json")
  TABLES=$(grep -c '^    {"table"' "$SCRATCH/manifest.json")
  ROWS=$(sed -n 's/^    {"table": .*"rows": \([0-9]*\),.*/\1/p' "$SCRATCH/manifest.json" | paste -sd + | { read -r sum; echo $((sum)); })
  BYTES=$(sed -n 's/^  "dump": .*"bytes": \([0-9]*\),.*/\1/p' "$SCRATCH/manifest.json")
}

open_scratch
[[ $DB_NAME =~ ^[A-Za-z_][A-Za-z0-9_]{0,39}$ ]] || die "$EX_CONFIG" "DB_NAME is '$DB_NAME': letters, digits and _ are understood, at most 40"
if [[ -z $BACKUP ]]; then
  timed backup run_backup >"$SCRATCH/backup" || die "$EX_FAILED" 'the drill ended at the backup: the lines above say why'
  BACKUP=$(tail -n 1 "$SCRATCH/backup" | tr -d '\r')
fi
if [[ $COMPOSE == no && -f $BACKUP ]]; then BACKUP=$(dirname -- "$BACKUP"); fi
timed restore run_restore "$BACKUP" --into "$DRILL" >/dev/null || die "$EX_FAILED" 'the drill ended at the restore: the lines above say why. This backup is NOT one that can be restored.'
MADE=yes
read_figures
timed prove prove_patiently || {
  [[ -s $SCRATCH/proof.json ]] || die "$EX_FAILED" 'the drill ended at the proof: the lines above say why'
  report false
  STAGE=finished
  grep -B 1 -A 1 '^      "ok": false' "$SCRATCH/proof.json" >&2 || true
  die "$EX_FAILED" "$NAME was restored, but did not pass: the report says where"
}
STAGE=finished
report true
printf 'restore drill %s: %s as of %s, %s tables, %s rows, 0 differences, sign-in, keys and audit chain work; backup %s s, restore %s s, proof %s s\n' \
  "$STAMP" "$NAME" "$AS_OF" "$TABLES" "$ROWS" "${TOOK[backup]}" "${TOOK[restore]}" "${TOOK[prove]}"
