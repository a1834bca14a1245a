# shellcheck shell=bash
# What backup-db.sh, backup-config.sh, restore-db.sh and restore-drill.sh share: sourced, never run.
# Takes bash, coreutils, util-linux and PostgreSQL's client programs; age and aws only where they are asked for.
# shellcheck disable=SC2034  # the exit codes are for the scripts that source this

umask 077
export LC_ALL=C

readonly EX_FAILED=1 EX_USAGE=64 EX_DATA=65 EX_UNAVAILABLE=69 EX_IO=74 EX_BUSY=75 EX_CONFIG=78
readonly EXIT_CODES='Exit codes: 0 done, 1 failed, 64 usage, 65 the backup is not whole or not the one that was made, 69 the database or
a program that it takes cannot be had, 74 the disk, 75 another one is running, 78 a setting is wrong.'

PROGRAM=${0##*/}
LIB=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
FAULTS=()
SCRATCH=

say() { printf '%s %s: %s\n' "$(date -u +%FT%TZ)" "$PROGRAM" "$*" >&2; }

die() {
  local code=$1
  shift
  say "$*"
  if [[ -n $SCRATCH ]]; then : >"$SCRATCH/said"; fi
  exit "$code"
}

fault() { FAULTS+=("$*"); }

# Everything that is wrong is said at once.
refuse_faults() { # the exit code
  ((${#FAULTS[@]} == 0)) && return 0
  local one
  for one in "${FAULTS[@]}"; do say "$one"; done
  if [[ -n $SCRATCH ]]; then : >"$SCRATCH/said"; fi
  exit "$1"
}

# A private directory that goes when the script ends, however it ends; `on_end` may be defined by the script.
open_scratch() {
  SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/auth-api-backup.XXXXXXXX") ||
    die "$EX_IO" "no temporary directory can be made in ${TMPDIR:-/tmp}: is it full or read-only? TMPDIR names another."
  # What was closed at the other end is an error of its program, not the silent end of this one.
  trap '' PIPE
  trap close_scratch EXIT
  trap 'die 130 "stopped by a signal"' INT TERM HUP
}

close_scratch() {
  local status=$?
  trap - EXIT INT TERM HUP
  if ((status != 0)) && [[ ! -e $SCRATCH/said ]]; then say "stopped ($status) by a fault that it did not expect: the lines above say more"; fi
  if declare -F on_end >/dev/null; then on_end "$status" || true; fi
  if [[ -n $SCRATCH ]]; then rm -rf -- "$SCRATCH"; fi
  exit "$status"
}

need_program() { # name, what for, package
  command -v "$1" >/dev/null 2>&1 || fault "$1 is missing, which $2 takes: install it (Debian: apt-get install $3)"
}

need_file() { # name of the setting, path
  if [[ ! -f $2 ]]; then
    fault "$1 names $2, which does not exist"
  elif [[ ! -r $2 ]]; then
    fault "$1 names $2, which $(id -un 2>/dev/null || id -u) may not read"
  elif [[ ! -s $2 ]]; then
    fault "$1 names $2, which is empty"
  fi
}

need_number() { # name, value, least
  if [[ ! $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3)); then fault "$1 is '$2': a whole number of at least $3 is needed"; fi
}

# ---------------------------------------------------------------------------------------------- the database

DB_SETTINGS='  DB_HOST (localhost)      DB_PORT (5432)      DB_NAME (auth_db)
  DB_PASSWORD_FILE         a file with the password; or PGPASSFILE / ~/.pgpass, or none where the server asks for none
  DB_SSL=true              verify the certificate of the server, by DB_SSL_CA_PATH or the authorities of the system'

read_database_settings() { # the role that is taken where none is named
  DB_HOST=${DB_HOST:-localhost} DB_PORT=${DB_PORT:-5432} DB_NAME=${DB_NAME:-auth_db} DB_USER=${DB_USER:-$1}
  [[ $DB_NAME =~ ^[A-Za-z_][A-Za-z0-9_]{0,39}$ ]] ||
    fault "DB_NAME is '$DB_NAME': letters, digits and _ are understood, at most 40"
  need_number DB_PORT "$DB_PORT" 1
  if [[ -n ${DB_PASSWORD:-}${PGPASSWORD:-} ]]; then
    fault "DB_PASSWORD and PGPASSWORD are not read, since other processes can see them: put the password into a file and name it with DB_PASSWORD_FILE"
  fi
  if [[ -n ${DB_PASSWORD_FILE:-} ]]; then need_file DB_PASSWORD_FILE "$DB_PASSWORD_FILE"; fi
  if [[ -n ${PGPASSFILE:-} ]]; then need_file PGPASSFILE "$PGPASSFILE"; fi
  if [[ ${DB_SSL:-false} == true && -n ${DB_SSL_CA_PATH:-} ]]; then need_file DB_SSL_CA_PATH "$DB_SSL_CA_PATH"; fi
  need_program psql 'speaking to the database' postgresql-client
}

# The password reaches the client programs through a file that only this user can read, and goes with the script.
open_database_access() {
  unset DB_PASSWORD PGPASSWORD
  export PGHOST=$DB_HOST PGPORT=$DB_PORT PGUSER=$DB_USER PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10} PGAPPNAME=$PROGRAM
  if [[ ${DB_SSL:-false} == true ]]; then export PGSSLMODE=verify-full PGSSLROOTCERT=${DB_SSL_CA_PATH:-system}; fi
  if [[ -n ${DB_PASSWORD_FILE:-} ]]; then
    local password
    password=$(<"$DB_PASSWORD_FILE")
    password=${password//\\/\\\\}
    printf '*:*:*:*:%s\n' "${password//:/\\:}" >"$SCRATCH/pgpass"
    export PGPASSFILE=$SCRATCH/pgpass
  fi
}

# psql that reads nobody's settings, asks for nothing, and ends at the first error.
sql() { # database, further arguments of psql; the statement comes from stdin or --command
  local database=$1
  shift
  psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname="$database" "$@"
}

# What a client program said, in words that name what to do.
database_trouble() { # file with its stderr; ends the script
  local text
  text=$(grep -v '^[[:space:]]*$' "$1" | tail -n 4 | tr '\n' ' ')
  local where="$DB_USER@$DB_HOST:$DB_PORT/$DB_NAME"
  case $text in
    *'password authentication failed'*)
      die "$EX_UNAVAILABLE" "the database refuses the password of $where: does DB_PASSWORD_FILE hold the one of this role?" ;;
    *'no password supplied'*)
      die "$EX_UNAVAILABLE" "the database asks for a password for $where: name its file with DB_PASSWORD_FILE" ;;
    *'No space left on device'*)
      die "$EX_IO" "the disk is full: $text" ;;
    *'FATAL:  database '*'does not exist'*)
      die "$EX_UNAVAILABLE" "$where: $text" ;;
    *'could not connect'* | *'connection to server'* | *'could not translate host name'* | *'onnection refused'* | *'timeout expired'*)
      die "$EX_UNAVAILABLE" "the database cannot be reached at $where: $text" ;;
  esac
  die "$EX_FAILED" "the database refused ($where): ${text:-no reason was given}"
}

ask_database() { # database, statement: one value
  sql "$1" --command="$2" 2>"$SCRATCH/ask.err" || database_trouble "$SCRATCH/ask.err"
}

# A client that is older than the server cannot dump it, and says so only after a while.
need_client_version() { # program, major version of the server
  local text major
  text=$("$1" --version)
  major=$(sed -E 's/^[^0-9]*([0-9]+).*/\1/' <<<"$text")
  ((major >= $2)) || die "$EX_UNAVAILABLE" "$text is older than the server, which is PostgreSQL $2: install postgresql-client-$2, or run this in the image postgres:$2"
}

# ---------------------------------------------------------------------------------------------- files

no_space() { # directory, what failed
  die "$EX_IO" "the disk is full: $2. $(df -h --output=avail,target -- "$1" 2>/dev/null | tail -n 1 | sed -E 's/^ +//; s/ +/ are free on /'). What was begun is removed; earlier backups are as they were."
}

sha256_of() { sha256sum -- "$1" | cut -d ' ' -f 1; }

hex_bytes() { # hex: the bytes
  local hex=$1 text='' at
  for ((at = 0; at < ${#hex}; at += 2)); do text+="\\x${hex:at:2}"; done
  # shellcheck disable=SC2059  # the text is nothing but \xNN
  printf "$text"
}

# HMAC-SHA-256 (RFC 2104) of a file under the content of another: by this shell's own means, so that the key is never an
# argument of a program.
hmac_file() { # key file, file
  local key inner='' outer='' at byte
  key=$(od -An -v -tx1 -- "$1" | tr -d ' \n')
  # A final line end is the editor's, not the key's.
  while [[ $key == *0a || $key == *0d ]]; do key=${key%??}; done
  if ((${#key} > 128)); then key=$(hex_bytes "$key" | sha256sum | cut -d ' ' -f 1); fi
  while ((${#key} < 128)); do key+=00; done
  for ((at = 0; at < 128; at += 2)); do
    byte=$((16#${key:at:2}))
    printf -v inner '%s%02x' "$inner" $((byte ^ 0x36))
    printf -v outer '%s%02x' "$outer" $((byte ^ 0x5c))
  done
  inner=$({ hex_bytes "$inner"; cat -- "$2"; } | sha256sum | cut -d ' ' -f 1)
  hex_bytes "$outer$inner" | sha256sum | cut -d ' ' -f 1
}

need_hmac_key() {
  [[ -n ${BACKUP_HMAC_KEY_FILE:-} ]] || return 0
  need_file BACKUP_HMAC_KEY_FILE "$BACKUP_HMAC_KEY_FILE"
  if [[ -r $BACKUP_HMAC_KEY_FILE ]] && (($(stat -Lc %s -- "$BACKUP_HMAC_KEY_FILE") < 32)); then
    fault "BACKUP_HMAC_KEY_FILE names $BACKUP_HMAC_KEY_FILE, which holds less than 32 bytes: openssl rand -base64 48 makes a key"
  fi
}

# SHA256SUMS over everything in a backup, and its signature where there is a key.
seal_directory() { # directory
  local files
  mapfile -t files < <(find "$1" -maxdepth 1 -type f ! -name 'SHA256SUMS*' -printf '%f\n' | sort)
  (cd -- "$1" && sha256sum -- "${files[@]}" >SHA256SUMS) || return 1
  if [[ -n ${BACKUP_HMAC_KEY_FILE:-} ]]; then hmac_file "$BACKUP_HMAC_KEY_FILE" "$1/SHA256SUMS" >"$1/SHA256SUMS.hmac" || return 1; fi
}

# Refuses a backup of which anything is missing, is too much, or is not what was written.
check_directory() { # directory, its files
  local directory=$1 file
  shift
  for file in "$@" SHA256SUMS; do
    [[ -f $directory/$file ]] || die "$EX_DATA" "refused: $directory lacks $file, so it is no whole backup"
  done
  if [[ -n ${BACKUP_HMAC_KEY_FILE:-} ]]; then
    [[ -f $directory/SHA256SUMS.hmac ]] ||
      die "$EX_DATA" "refused: $directory is not signed, but BACKUP_HMAC_KEY_FILE is set: it was not made with this key"
    [[ $(<"$directory/SHA256SUMS.hmac") == "$(hmac_file "$BACKUP_HMAC_KEY_FILE" "$directory/SHA256SUMS")" ]] ||
      die "$EX_DATA" "refused: the signature of $directory is not right: it was altered, or made with another BACKUP_HMAC_KEY_FILE"
  fi
  for file in "$@"; do
    grep -qE "^[0-9a-f]{64}  $file\$" "$directory/SHA256SUMS" ||
      die "$EX_DATA" "refused: SHA256SUMS of $directory says nothing of $file: it was altered"
  done
  if ! (cd -- "$directory" && sha256sum --check --strict --quiet SHA256SUMS) >"$SCRATCH/sums" 2>&1; then
    die "$EX_DATA" "refused: $(sed -n 's/^\(.*\): FAILED.*/\1/p' "$SCRATCH/sums" | paste -sd ' ') in $directory is not what was written: truncated or altered"
  fi
}

# BACKUP_DIR and its lock. What a killed run has left goes; two at once do not happen.
open_backup_directory() { # prefix of the names
  mkdir -p -- "$BACKUP_DIR" 2>"$SCRATCH/mkdir" || die "$EX_IO" "$(<"$SCRATCH/mkdir")"
  [[ -w $BACKUP_DIR ]] || die "$EX_IO" "$BACKUP_DIR cannot be written by $(id -un 2>/dev/null || id -u): BACKUP_DIR names another"
  exec 9>"$BACKUP_DIR/.$1.lock" || die "$EX_IO" "$BACKUP_DIR cannot be written"
  flock --nonblock 9 || die "$EX_BUSY" "another backup of $1 is running in $BACKUP_DIR; nothing was done"
  rm -rf -- "$BACKUP_DIR"/.partial-"$1"_* "$BACKUP_DIR"/.removing-"$1"_*
}

# A name by the clock, which nothing has yet.
new_name() { # prefix
  local name
  while name=$1_$(date -u +%Y%m%dT%H%M%SZ) && [[ -e $BACKUP_DIR/$name ]]; do sleep 0.2; done
  printf '%s\n' "$name"
}

# One rename shows the whole backup, or nothing of it.
publish() { # partial directory, name, name of the link
  sync -- "$1"/* "$1" && mv -T -- "$1" "$BACKUP_DIR/$2" && sync -- "$BACKUP_DIR" || return 1
  ln -sfn -- "$2" "$BACKUP_DIR/.$3.$$" && mv -Tf -- "$BACKUP_DIR/.$3.$$" "$BACKUP_DIR/$3"
}

# Only after a verified success, only what has our names, and never the newest three: a clock that runs ahead takes nothing.
remove_old() { # prefix
  local cutoff name names=()
  cutoff=$(date -u -d "-$RETENTION_DAYS days" +%Y%m%dT%H%M%SZ)
  mapfile -t names < <(find "$BACKUP_DIR" -maxdepth 1 -type d -printf '%f\n' | grep -E "^$1_[0-9]{8}T[0-9]{6}Z\$" | sort -r | tail -n +4)
  for name in ${names[@]+"${names[@]}"}; do
    [[ ${name##*_} < $cutoff ]] || continue
    # Renamed first: half of a backup does not look like one.
    mv -T -- "$BACKUP_DIR/$name" "$BACKUP_DIR/.removing-$name"
    rm -rf -- "$BACKUP_DIR/.removing-$name"
    say "removed $name, which is older than $RETENTION_DAYS days"
  done
}

# ---------------------------------------------------------------------------------------------- encryption

AGE_SETTINGS='  AGE_RECIPIENTS           encrypt with age to these public keys (age1… or ssh-…), separated by commas
  AGE_RECIPIENTS_FILE      the same, one a line'

AGE_TO=()
read_encryption_settings() {
  local one recipients=()
  AGE_RECIPIENTS=${AGE_RECIPIENTS:-${AGE_RECIPIENT:-}}
  IFS=, read -ra recipients <<<"$AGE_RECIPIENTS"
  for one in ${recipients[@]+"${recipients[@]}"}; do
    one=$(sed -E 's/^[[:space:]]+|[[:space:]]+$//g' <<<"$one")
    case $one in
      '') ;;
      AGE-SECRET-KEY-*) fault 'AGE_RECIPIENTS holds a secret key: it takes the public one (age-keygen -y prints it)' ;;
      age1* | ssh-*) AGE_TO+=(--recipient "$one") ;;
      *) fault "AGE_RECIPIENTS has '$one', which is no public key of age (age1…) or ssh" ;;
    esac
  done
  if [[ -n ${AGE_RECIPIENTS_FILE:-} ]]; then
    need_file AGE_RECIPIENTS_FILE "$AGE_RECIPIENTS_FILE"
    AGE_TO+=(--recipients-file "$AGE_RECIPIENTS_FILE")
  fi
  if is_encrypting; then
    need_program age encryption age
    need_program age-keygen encryption age
  fi
}

is_encrypting() { ((${#AGE_TO[@]} > 0)); }

# So that what was written can be read back at once, without the key that opens it later being on this machine: one more
# recipient, whose secret key lives as long as this run.
add_passing_recipient() {
  local kind=()
  # A post-quantum recipient takes only its like beside it.
  case "${AGE_TO[*]} $(cat -- "${AGE_RECIPIENTS_FILE:-/dev/null}")" in *age1pq*) kind=(-pq) ;; esac
  age-keygen ${kind[@]+"${kind[@]}"} -o "$SCRATCH/passing.key" 2>"$SCRATCH/keygen.err" ||
    die "$EX_FAILED" "age-keygen: $(<"$SCRATCH/keygen.err")"
  AGE_TO+=(--recipient "$(age-keygen -y "$SCRATCH/passing.key")")
}

# The content of a file of a backup, decrypted where it is encrypted.
read_plain() { # file, identity
  case $1 in
    *.age) age --decrypt --identity "$2" -- "$1" ;;
    *) cat -- "$1" ;;
  esac
}

# ---------------------------------------------------------------------------------------------- S3

S3_SETTINGS='  S3_URI                   s3://bucket/folder: upload there with aws (its own settings say who and where), and verify'

read_s3_settings() {
  [[ -n ${S3_URI:-} ]] || return 0
  [[ $S3_URI =~ ^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?$ ]] || fault "S3_URI is '$S3_URI': s3://bucket/folder is needed"
  S3_URI=${S3_URI%/}
  need_program aws 'the upload to S3_URI' awscli
}

# The manifest goes last: where it lies, the others lie. What was stored is asked for, not believed.
upload() { # directory, name
  local file files=() rest key bucket
  rest=${S3_URI#s3://}
  bucket=${rest%%/*}
  mapfile -t files < <(find "$1" -maxdepth 1 -type f -printf '%f\n' | sort | grep -vx manifest.json)
  for file in "${files[@]}" manifest.json; do
    key="${rest#"$bucket"}/$2/$file"
    key=${key#/}
    aws s3 cp --only-show-errors --checksum-algorithm SHA256 -- "$1/$file" "s3://$bucket/$key" >"$SCRATCH/aws" 2>&1 ||
      die "$EX_UNAVAILABLE" "the upload of $file to $S3_URI failed: $(tail -n 2 "$SCRATCH/aws" | tr '\n' ' ')The backup is whole in $1; nothing old was removed."
    verify_upload "$1/$file" "$bucket" "$key"
  done
  say "uploaded to $S3_URI/$2 and verified there"
}

verify_upload() { # file, bucket, key
  local answer size stored
  answer=$(aws s3api head-object --bucket "$2" --key "$3" --checksum-mode ENABLED --query '[ContentLength,ChecksumSHA256]' --output text 2>"$SCRATCH/aws") ||
    die "$EX_UNAVAILABLE" "$3 is not in $2 after its upload: $(tail -n 1 "$SCRATCH/aws")"
  read -r size stored <<<"$answer"
  [[ $size == "$(stat -c %s -- "$1")" ]] || die "$EX_FAILED" "$3 in $2 has $size bytes, not those of $1"
  # Of an upload in parts S3 keeps a checksum of checksums (…-N): there the size and the checks in transit stand.
  case $stored in
    None | *-*) ;;
    *) [[ $stored == "$(hex_bytes "$(sha256_of "$1")" | base64)" ]] || die "$EX_FAILED" "$3 in $2 has another checksum than $1" ;;
  esac
}
