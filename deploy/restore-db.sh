#!/usr/bin/env bash
# Restores a backup into a new database, compares it with the manifest, and puts it in the place of the live one when asked.
set -euo pipefail
# shellcheck source=lib/backup-common.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib/backup-common.sh"

usage() {
  cat <<USAGE
Usage: restore-db.sh BACKUP [--into NAME] [--swap [--terminate]]
       restore-db.sh BACKUP --check
       restore-db.sh --take NAME [--terminate]
       restore-db.sh --drop NAME

BACKUP is a directory that backup-db.sh made (such as /backups/latest), or a file in it. It is restored into a database that
is new or empty, NAME (DB_NAME_restored_<time>), in one transaction; then every table is counted and summed anew and
compared with the manifest. What does not come out the same is dropped. Prints the name of the database.

  --check       look only at the files: whole, unaltered, can be decrypted and read; no database is asked
  --swap        then rename: the live DB_NAME becomes DB_NAME_before_<time>, and the restored one DB_NAME. Nothing is deleted.
                Stop the servers first: it refuses while they are connected, because one that runs across it remembers
                what the restored database never saw, and writes into the audit log that its end was cut off
  --terminate   with --swap or --take: end the sessions that are left instead of refusing
  --take NAME   only that exchange, with a database that was restored before, or with DB_NAME_before_<time> to go back
  --drop NAME   delete a database that this made (DB_NAME_restored_…, _drill_…), never another one

Settings (environment):
$DB_SETTINGS
  DB_USER (postgres)       a role that may make databases, and be the owner of what is in this one
  AGE_IDENTITY_FILE        the secret key of age that opens encrypted backups
  BACKUP_HMAC_KEY_FILE     accept only what is signed with this key

$EXIT_CODES
USAGE
}

BACKUP='' INTO='' SWAP=no TERMINATE=no CHECK=no DROP='' TAKE=''
while (($# > 0)); do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --into) INTO=${2:-}; shift || true; [[ -n $INTO ]] || fault '--into needs the name of a database' ;;
    --drop) DROP=${2:-}; shift || true; [[ -n $DROP ]] || fault '--drop needs the name of a database' ;;
    --take) TAKE=${2:-}; shift || true; [[ -n $TAKE ]] || fault '--take needs the name of a database' ;;
    --swap) SWAP=yes ;;
    --terminate) TERMINATE=yes ;;
    --check) CHECK=yes ;;
    -*) fault "$1 is not understood; --help says what is" ;;
    *) if [[ -z $BACKUP ]]; then BACKUP=$1; else fault "one backup at a time: $1 is too much"; fi ;;
  esac
  shift || true
done
[[ -n $BACKUP$DROP$TAKE ]] || fault 'say which backup: restore-db.sh /backups/latest; --help says more'
if [[ $TERMINATE == yes && $SWAP == no && -z $TAKE ]]; then fault '--terminate belongs to --swap or --take'; fi
[[ -z $INTO || $INTO =~ ^[A-Za-z_][A-Za-z0-9_]{0,62}$ ]] || fault "--into '$INTO': letters, digits and _ are understood, at most 63"
refuse_faults "$EX_USAGE"

CREATED=no RESTORED=no

on_end() {
  if [[ $CREATED == yes && $RESTORED == no ]]; then
    sql "$MAINTENANCE" --command="DROP DATABASE IF EXISTS \"$INTO\" WITH (FORCE)" 2>/dev/null &&
      say "$INTO was dropped again; $DB_NAME is as it was"
  fi
}

read_settings() {
  if [[ $CHECK == no ]]; then
    read_database_settings postgres
    MAINTENANCE=postgres
    if [[ $DB_NAME == postgres ]]; then MAINTENANCE=template1; fi
  fi
  need_hmac_key
  if [[ -n ${AGE_IDENTITY_FILE:-} ]]; then need_file AGE_IDENTITY_FILE "$AGE_IDENTITY_FILE"; fi
  need_program pg_restore 'the restore' postgresql-client
  refuse_faults "$EX_CONFIG"
}

find_backup() {
  if [[ -d $BACKUP ]]; then DIRECTORY=$(cd -- "$BACKUP" && pwd -P)
  elif [[ -f $BACKUP ]]; then DIRECTORY=$(cd -- "$(dirname -- "$BACKUP")" && pwd -P)
  else die "$EX_DATA" "$BACKUP does not exist"; fi
  MANIFEST=$DIRECTORY/manifest.json
  FILE=database.dump
  if [[ -f $DIRECTORY/database.dump.age ]]; then FILE=database.dump.age; fi
  say "checking $DIRECTORY"
  check_directory "$DIRECTORY" manifest.json "$FILE"
  grep -q '^  "format": 1,$' "$MANIFEST" || die "$EX_DATA" "refused: $MANIFEST has a form that this script does not know"
  grep -qF "\"dump\": {\"file\": \"$FILE\", \"bytes\": $(stat -c %s -- "$DIRECTORY/$FILE"), \"sha256\": \"$(sha256_of "$DIRECTORY/$FILE")\"" "$MANIFEST" ||
    die "$EX_DATA" "refused: the manifest is not that of $FILE: one of them was altered"
  if [[ $FILE == *.age ]]; then
    command -v age >/dev/null || die "$EX_UNAVAILABLE" 'age is missing, and the backup is encrypted: install it (Debian: apt-get install age)'
    [[ -n ${AGE_IDENTITY_FILE:-} ]] || die "$EX_CONFIG" 'the backup is encrypted: name the file with its secret key with AGE_IDENTITY_FILE'
    read_plain "$DIRECTORY/$FILE" "$AGE_IDENTITY_FILE" 2>"$SCRATCH/age.err" | head -c 1 >"$SCRATCH/first" || true
    [[ -s $SCRATCH/first ]] || die "$EX_DATA" "refused: the backup cannot be decrypted with $AGE_IDENTITY_FILE: $(head -n 1 "$SCRATCH/age.err")"
  fi
}

check_files() {
  read_plain "$DIRECTORY/$FILE" "${AGE_IDENTITY_FILE:-}" 2>"$SCRATCH/age.err" | pg_restore --file=/dev/null 2>"$SCRATCH/restore.err" ||
    die "$EX_DATA" "refused: the dump cannot be read: $(tail -n 2 "$SCRATCH/restore.err" "$SCRATCH/age.err" | tr '\n' ' ')"
  say "$DIRECTORY is whole: $(grep -c '^    {"table"' "$MANIFEST") tables as of $(sed -n 's/^  "as_of": "\(.*\)",$/\1/p' "$MANIFEST")"
}

of_manifest() { sed -n "s/^  \"$1\": \(.*\),\$/\1/p" "$MANIFEST"; }

check_server() {
  local major missing
  major=$(ask_database "$MAINTENANCE" "SELECT current_setting('server_version_num')::int / 10000")
  need_client_version pg_restore "$(of_manifest server_version | tr -d '"')"
  ((major >= $(of_manifest server_version | tr -d '"'))) ||
    die "$EX_UNAVAILABLE" "the backup is of PostgreSQL $(of_manifest server_version), the server is older ($major): restore into that version or a newer one"
  missing=$(sql "$MAINTENANCE" --set=roles="$(of_manifest roles)" 2>"$SCRATCH/ask.err" \
    <<<"SELECT string_agg(r, ', ') FROM json_array_elements_text(:'roles'::json) AS r WHERE r NOT IN (SELECT rolname FROM pg_roles);") ||
    database_trouble "$SCRATCH/ask.err"
  [[ -z $missing ]] || die "$EX_UNAVAILABLE" "this server lacks the roles $missing: run deploy/init-db.sql there first; nothing was done"
}

database_exists() { [[ $(ask_database "$MAINTENANCE" "SELECT EXISTS (SELECT FROM pg_database WHERE datname = '$1')") == t ]]; }

make_database() {
  if database_exists "$INTO"; then
    [[ $(ask_database "$INTO" "SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname IN ('auth', 'audit'))") == t ]] ||
      die "$EX_FAILED" "refused: the database $INTO is not empty, and nothing is restored over data. Take another name, or --drop it first."
    return
  fi
  CREATED=yes
  sql "$MAINTENANCE" --set=facts="$(of_manifest database)" --set=target="$INTO" >/dev/null 2>"$SCRATCH/make.err" <<'SQL' || database_trouble "$SCRATCH/make.err"
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L', :'target', f ->> 'encoding', f ->> 'collate', f ->> 'ctype')
  || CASE f ->> 'provider' WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', f ->> 'locale')
     WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', f ->> 'locale') ELSE '' END
  FROM (SELECT :'facts'::jsonb AS f) AS of_manifest
\gexec
SQL
}

restore() {
  local status=()
  set +e
  read_plain "$DIRECTORY/$FILE" "${AGE_IDENTITY_FILE:-}" 2>"$SCRATCH/age.err" |
    pg_restore --no-password --exit-on-error --single-transaction --dbname="$INTO" 2>"$SCRATCH/restore.err"
  status=("${PIPESTATUS[@]}")
  set -e
  ((status[1] == 0)) || database_trouble "$SCRATCH/restore.err"
  ((status[0] == 0)) || die "$EX_DATA" "the backup could not be read to its end: $(head -n 1 "$SCRATCH/age.err")"
}

# The same question as at the backup; the answers are texts, which are equal or not.
compare() {
  sql "$INTO" --file="$LIB/database-state.sql" >"$SCRATCH/now" 2>"$SCRATCH/ask.err" || database_trouble "$SCRATCH/ask.err"
  sed -n '/^  "tables": \[$/,/^  "objects": /p' "$MANIFEST" >"$SCRATCH/then"
  [[ -s $SCRATCH/then ]] || die "$EX_DATA" 'refused: the manifest says nothing of the tables'
  if ! diff "$SCRATCH/then" "$SCRATCH/now" >"$SCRATCH/differences"; then
    grep '^[<>]' "$SCRATCH/differences" | sed 's/^</in the backup:   /; s/^>/in the database: /' >&2
    die "$EX_FAILED" "the restored database is not the one that was backed up: $(grep -c '^<' "$SCRATCH/differences") lines differ"
  fi
}

# Who may connect, what is set; and the servers that will read it are to forget what they remember of another database.
finish() {
  sql "$MAINTENANCE" --set=facts="$(of_manifest database)" --set=target="$INTO" --file="$LIB/database-properties.sql" >/dev/null 2>"$SCRATCH/ask.err" ||
    database_trouble "$SCRATCH/ask.err"
  sql "$INTO" --command='ANALYZE' 2>"$SCRATCH/ask.err" || database_trouble "$SCRATCH/ask.err"
}

forget_everything() {
  sql "$1" --command="INSERT INTO auth.changes (subject) VALUES ('00000000-0000-0000-0000-000000000000')" 2>"$SCRATCH/ask.err" ||
    database_trouble "$SCRATCH/ask.err"
}

swap() {
  local before sessions try
  before=${DB_NAME}_before_$STAMP
  if ! database_exists "$DB_NAME"; then
    sql "$MAINTENANCE" --command="ALTER DATABASE \"$INTO\" RENAME TO \"$DB_NAME\"" 2>"$SCRATCH/ask.err" || database_trouble "$SCRATCH/ask.err"
    say "$INTO is $DB_NAME now; there was none before"
    return
  fi
  sessions=$(ask_database "$MAINTENANCE" "SELECT count(*) FROM pg_stat_activity WHERE datname = '$DB_NAME' AND backend_type = 'client backend'")
  if ((sessions > 0)) && [[ $TERMINATE == no ]]; then
    die "$EX_FAILED" "not swapped: $sessions sessions use $DB_NAME. Stop the servers first (or say --terminate), then: restore-db.sh --take $INTO. It is restored and compared, and waits."
  fi
  # Renaming takes that nobody is connected: nobody new gets in meanwhile, whatever happens to this script.
  for ((try = 0; try < 20; try++)); do
    if sql "$MAINTENANCE" 2>"$SCRATCH/swap.err" <<SQL
ALTER DATABASE "$DB_NAME" WITH ALLOW_CONNECTIONS false;
SELECT count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity WHERE datname IN ('$DB_NAME', '$INTO') AND pid <> pg_backend_pid() \g /dev/null
BEGIN;
ALTER DATABASE "$DB_NAME" RENAME TO "$before";
ALTER DATABASE "$INTO" RENAME TO "$DB_NAME";
COMMIT;
ALTER DATABASE "$before" WITH ALLOW_CONNECTIONS true;
SQL
    then
      # Written behind every reading of the old one: who has read further than this would not look back.
      forget_everything "$DB_NAME"
      say "$DB_NAME is the restored database now; the former one is kept as $before ($sessions sessions were ended)"
      return
    fi
    sleep 0.25
  done
  sql "$MAINTENANCE" --command="ALTER DATABASE \"$DB_NAME\" WITH ALLOW_CONNECTIONS true" 2>/dev/null || true
  say "not swapped: $(tail -n 2 "$SCRATCH/swap.err" | tr '\n' ' ')"
  die "$EX_FAILED" "$DB_NAME is as it was; $INTO is there, and waits: restore-db.sh --take $INTO"
}

take() {
  [[ $TAKE =~ ^${DB_NAME}_(restored|before)_[A-Za-z0-9_]+$ ]] ||
    die "$EX_USAGE" "refused: --take takes only ${DB_NAME}_restored_… and ${DB_NAME}_before_…, not $TAKE"
  database_exists "$TAKE" || die "$EX_FAILED" "there is no database $TAKE"
  INTO=$TAKE
  swap
}

drop() {
  [[ $DROP =~ ^${DB_NAME}_(restored|drill)_[A-Za-z0-9_]+$ ]] ||
    die "$EX_USAGE" "refused: --drop takes only ${DB_NAME}_restored_… and ${DB_NAME}_drill_…, not $DROP"
  database_exists "$DROP" || die "$EX_FAILED" "there is no database $DROP"
  ask_database "$MAINTENANCE" "DROP DATABASE \"$DROP\" WITH (FORCE)" >/dev/null
  say "dropped $DROP"
}

open_scratch
read_settings
STAMP=$(date -u +%Y%m%d_%H%M%S)
if [[ $CHECK == yes ]]; then
  find_backup
  check_files
  exit 0
fi
open_database_access
if [[ -n $DROP ]]; then
  drop
  exit 0
fi
if [[ -n $TAKE ]]; then
  take
  exit 0
fi
INTO=${INTO:-${DB_NAME}_restored_${STAMP}}
[[ $INTO != "$DB_NAME" || $SWAP == no ]] || die "$EX_USAGE" "--swap puts another database in the place of $DB_NAME: --into is not to name it"
find_backup
check_server
STARTED=$SECONDS
make_database
say "restoring into $INTO"
restore
compare
finish
forget_everything "$INTO"
RESTORED=yes
say "$INTO: $(grep -c '^    {"table"' "$MANIFEST") tables, 0 differences, $((SECONDS - STARTED)) s"
if [[ $SWAP == yes ]]; then swap; INTO=$DB_NAME; fi
printf '%s\n' "$INTO"
