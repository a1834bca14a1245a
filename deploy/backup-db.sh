#!/usr/bin/env bash
# Dumps the database into BACKUP_DIR, verifies what it wrote, and only then removes old backups.
set -euo pipefail
# shellcheck source=lib/backup-common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/backup-common.sh"

usage() {
  cat <<USAGE
Usage: backup-db.sh [--no-upload] [--no-retention]

Dumps DB_NAME as of one moment, beside whatever is writing, into BACKUP_DIR/DB_NAME_<time>/: the dump, a manifest with the
rows and a checksum of every table, and SHA256SUMS. It is read back whole before it appears, under its name and as
\`latest\`; until then, and when anything fails, nothing of it is there. Prints the directory.

Settings (environment):
$DB_SETTINGS
  DB_USER (auth_owner)     a role that may read everything
  BACKUP_DIR (/backups)    RETENTION_DAYS (7): older ones go after a success, but never the newest three
$AGE_SETTINGS
  BACKUP_HMAC_KEY_FILE     sign with this key, so that a restore refuses what somebody else has put there
$S3_SETTINGS

$EXIT_CODES
USAGE
}

UPLOAD=yes RETENTION=yes
while (($# > 0)); do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --no-upload) UPLOAD=no ;;
    --no-retention) RETENTION=no ;;
    *) die "$EX_USAGE" "$1 is not understood; --help says what is" ;;
  esac
  shift
done

PARTIAL='' SNAPSHOT_PROCESS=''

on_end() {
  if [[ -n $SNAPSHOT_PROCESS ]]; then kill "$SNAPSHOT_PROCESS" 2>/dev/null; fi
  if [[ -n $PARTIAL ]]; then rm -rf -- "$PARTIAL"; fi
}

read_settings() {
  BACKUP_DIR=${BACKUP_DIR:-/backups} RETENTION_DAYS=${RETENTION_DAYS:-7}
  read_database_settings auth_owner
  need_number RETENTION_DAYS "$RETENTION_DAYS" 1
  read_encryption_settings
  need_hmac_key
  if [[ $UPLOAD == yes ]]; then read_s3_settings; fi
  need_program pg_dump 'the dump' postgresql-client
  need_program pg_restore 'the verification' postgresql-client
  need_program flock 'the lock' util-linux
  refuse_faults "$EX_CONFIG"
}

check_server() {
  local major
  major=$(ask_database "$DB_NAME" "SELECT current_setting('server_version_num')::int / 10000")
  need_client_version pg_dump "$major"
  need_client_version pg_restore "$major"
  [[ $(ask_database "$DB_NAME" "SELECT to_regclass('auth.migrations') IS NOT NULL") == t ]] ||
    die "$EX_FAILED" "$DB_NAME holds no auth-api schema: is it the right database? \`auth-api migrate up\` makes it."
}

# One session keeps the moment open, in which the dump and the manifest see the same rows.
open_snapshot() {
  coproc SESSION { exec psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname="$DB_NAME" 2>"$SCRATCH/session.err" 9>&-; }
  SNAPSHOT_PROCESS=$SESSION_PID
  exec 7>&"${SESSION[1]}" 8<&"${SESSION[0]}"
  tell_session "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '60s';
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SELECT pg_export_snapshot() || ' ' || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"');"
  read -r SNAPSHOT AS_OF <<<"$(hear_session)"
  [[ -n ${SNAPSHOT:-} ]] || database_trouble "$SCRATCH/session.err"
}

tell_session() { printf '%s\n\\echo --end--\n' "$1" >&7 2>/dev/null || true; }

hear_session() {
  local line
  while IFS= read -r line <&8; do
    [[ $line == --end-- ]] && return 0
    printf '%s\n' "$line"
  done
  return 0
}

dump() {
  local status=() options=(--no-password --format=custom --snapshot="$SNAPSHOT" --lock-wait-timeout=60s
    --no-unlogged-table-data --exclude-table-data=auth.changes --dbname="$DB_NAME")
  FILE=database.dump
  set +e
  if is_encrypting; then
    add_passing_recipient
    FILE=database.dump.age
    pg_dump "${options[@]}" 2>"$SCRATCH/dump.err" 9>&- | age "${AGE_TO[@]}" --output "$PARTIAL/$FILE" 2>"$SCRATCH/age.err" 9>&-
    status=("${PIPESTATUS[@]}")
  else
    : >"$SCRATCH/age.err"
    pg_dump "${options[@]}" --file="$PARTIAL/$FILE" 2>"$SCRATCH/dump.err" 9>&-
    status=($? 0)
  fi
  set -e
  if grep -qi 'no space left on device' "$SCRATCH/dump.err" "$SCRATCH/age.err"; then no_space "$BACKUP_DIR" 'the dump could not be written'; fi
  ((status[1] == 0)) || die "$EX_FAILED" "age: $(tail -n 2 "$SCRATCH/age.err" | tr '\n' ' ')"
  ((status[0] == 0)) && return
  # Where the other session has failed, its moment is gone, and that is all that pg_dump can say.
  if [[ -s $SCRATCH/session.err ]]; then database_trouble "$SCRATCH/session.err"; fi
  database_trouble "$SCRATCH/dump.err"
}

write_manifest() {
  local state facts
  facts=$(hear_session)
  state=$(hear_session)
  # The session ends at its first error: then something is missing here.
  [[ $facts == *'"schema_version": '[0-9]* && $state == *'"objects": '* ]] || database_trouble "$SCRATCH/session.err"
  if ! {
    printf '{\n  "format": 1,\n  "name": "%s",\n  "as_of": "%s",\n' "$NAME" "$AS_OF"
    printf '%s\n%s\n' "$facts" "$state"
    printf '  "dump": {"file": "%s", "bytes": %s, "sha256": "%s", "seconds": %s, "by": "%s"}\n}\n' \
      "$FILE" "$(stat -c %s -- "$PARTIAL/$FILE")" "$(sha256_of "$PARTIAL/$FILE")" "$((SECONDS - STARTED))" "$(pg_dump --version)"
  } >"$PARTIAL/manifest.json" || ! seal_directory "$PARTIAL"; then no_space "$BACKUP_DIR" 'the manifest could not be written'; fi
}

# Every block of the dump is decrypted, decompressed and parsed, as a restore would.
verify() {
  check_directory "$PARTIAL" "$FILE" manifest.json
  read_plain "$PARTIAL/$FILE" "$SCRATCH/passing.key" 2>"$SCRATCH/age.err" | pg_restore --file=/dev/null 2>"$SCRATCH/verify.err" ||
    die "$EX_FAILED" "the dump cannot be read back: $(tail -n 2 "$SCRATCH/verify.err" "$SCRATCH/age.err" | tr '\n' ' ')It was not kept; earlier backups are as they were."
  local tables dumped
  tables=$(grep -c '^    {"table"' "$PARTIAL/manifest.json" || true)
  dumped=$(read_plain "$PARTIAL/$FILE" "$SCRATCH/passing.key" 2>/dev/null | pg_restore --list 2>/dev/null | grep -c ' TABLE DATA ' || true)
  ((tables > 0 && dumped >= tables)) || die "$EX_FAILED" "the dump holds $dumped tables with data, the database $tables: it was not kept"
}

report() {
  local rows
  rows=$(sed -n 's/^    {"table": .*"rows": \([0-9]*\),.*/\1/p' "$BACKUP_DIR/$NAME/manifest.json" | paste -sd + | { read -r sum; echo $((sum)); })
  say "$NAME: $(grep -c '^    {"table"' "$BACKUP_DIR/$NAME/manifest.json") tables, $rows rows as of $AS_OF, $(stat -c %s -- "$BACKUP_DIR/$NAME/$FILE") bytes$(is_encrypting && echo ' encrypted'), verified, $((SECONDS - STARTED)) s"
  printf '%s\n' "$BACKUP_DIR/$NAME"
}

open_scratch
read_settings
open_database_access
open_backup_directory "$DB_NAME"
check_server
STARTED=$SECONDS
NAME=$(new_name "$DB_NAME")
PARTIAL=$BACKUP_DIR/.partial-$NAME
mkdir -- "$PARTIAL" 2>"$SCRATCH/mkdir" || die "$EX_IO" "$(<"$SCRATCH/mkdir")"
open_snapshot
# Counted by this session while the other one dumps.
tell_session "\\i $LIB/database-facts.sql"
tell_session "\\i $LIB/database-state.sql"
dump
write_manifest
verify
publish "$PARTIAL" "$NAME" latest || no_space "$BACKUP_DIR" 'the backup could not be put in its place'
PARTIAL=''
if [[ $UPLOAD == yes && -n ${S3_URI:-} ]]; then upload "$BACKUP_DIR/$NAME" "$NAME"; fi
if [[ $RETENTION == yes ]]; then remove_old "$DB_NAME"; fi
report
