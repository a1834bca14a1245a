#!/bin/sh
# Writes PgBouncer's users from the secrets, where only this container's memory has them, and starts it.
set -eu
umask 077
users=/run/pgbouncer/users.txt

missing=
for name in db_app_password db_monitor_password pgbouncer_tls_cert pgbouncer_tls_key ca; do
  [ -s "/run/secrets/$name" ] || missing="$missing /run/secrets/$name"
done
if [ -n "$missing" ]; then
  echo "pgbouncer: missing or empty:$missing. Run ./prepare.sh and ./pgbouncer/prepare.sh, and start again." >&2
  exit 78
fi

# Without the line break at its end, as the server reads it. A double quote is written twice.
user() { printf '"%s" "%s"\n' "$1" "$(sed 's/"/""/g' "/run/secrets/$2")"; }

{
  user auth_app db_app_password
  user auth_monitor db_monitor_password
} > "$users"
exec "$@"
