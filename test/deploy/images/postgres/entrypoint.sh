#!/usr/bin/env bash
# What the public image's documentation promises: POSTGRES_* with _FILE forms, a first start without TCP, initdb.d.
set -euo pipefail

from_file() {
  local name=$1 file="$1_FILE"
  [ -z "${!file:-}" ] || { export "$name=$(cat "${!file}")"; unset "$file"; }
}

case "${1:-}" in -*) set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi

from_file POSTGRES_PASSWORD
from_file POSTGRES_USER
from_file POSTGRES_DB
if [ -s "$PGDATA/PG_VERSION" ]; then exec "$@"; fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
if [ -z "${POSTGRES_PASSWORD:-}" ]; then
  echo 'The database is empty and no password for the superuser is given: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE.' >&2
  exit 1
fi
# shellcheck disable=SC2086 # several options in one variable, as documented
initdb --pgdata "$PGDATA" --username "$user" --pwfile <(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-}
printf '\nhost all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"

# On the socket only: over TCP nobody meets a database that is half made.
options=''
for word in "${@:2}"; do options+=" $(printf '%q' "$word")"; done
pg_ctl --pgdata "$PGDATA" --wait -o "$options -c listen_addresses=''" start
export PGUSER=$user PGPASSWORD=$POSTGRES_PASSWORD
[ "$database" = postgres ] || psql -X -v ON_ERROR_STOP=1 -d postgres -v name="$database" <<< 'CREATE DATABASE :"name";'
for file in /docker-entrypoint-initdb.d/*; do
  # shellcheck source=/dev/null
  case "$file" in
    *.sql) psql -X -v ON_ERROR_STOP=1 -d "$database" -f "$file" ;;
    *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
  esac
done
pg_ctl --pgdata "$PGDATA" --wait --mode fast stop
unset PGUSER PGPASSWORD POSTGRES_PASSWORD
exec "$@"
