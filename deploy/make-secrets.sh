#!/usr/bin/env bash
# Makes the secrets that are not there yet, each a file of its own in secrets/. Never overwrites one.
set -euo pipefail
umask 077

usage() {
  cat <<'HELP'
usage: make-secrets.sh [--check]

Makes the missing files of deploy/secrets/. With --check it makes nothing, names every file that is missing, empty or
readable by others than the containers, and ends with 78 where there is one.

The folder is closed to everyone but its owner (0700). The files in it are readable (0444), because each container has a
user of its own and Docker shows it the file as it is on this machine.
HELP
}

folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets"
passwords=(db_password db_owner_password db_app_password db_readonly_password db_monitor_password redis_password redis_monitor_password grafana_admin_password)
secrets=(jwt_refresh_secret session_secret csrf_secret)
keys=(encryption_key)

case "${1:-}" in
  '') check=false ;;
  --check) check=true ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 64 ;;
esac

if $check; then
  faults=()
  [ "$(stat -c %a "$folder" 2>/dev/null || echo none)" = 700 ] || faults+=("$folder is missing or open to others: chmod 700 $folder")
  for name in "${passwords[@]}" "${secrets[@]}" "${keys[@]}"; do
    [ -s "$folder/$name.txt" ] || faults+=("$folder/$name.txt is missing or empty: run ./make-secrets.sh")
  done
  for name in db_tls.key db_tls.crt ca.crt; do
    [ -s "$folder/$name" ] || faults+=("$folder/$name is missing or empty: run ./prepare.sh")
  done
  if [ ${#faults[@]} -gt 0 ]; then
    printf 'make-secrets.sh: %s\n' "${faults[@]}" >&2
    exit 78
  fi
  echo "All secrets are there."
  exit 0
fi

command -v openssl >/dev/null || { echo 'make-secrets.sh: openssl is not installed.' >&2; exit 69; }
mkdir -p "$folder"
chmod 700 "$folder"
made=0

# Written aside and renamed: a file that is there is whole.
keep() {
  local file="$folder/$1.txt" text
  text=$(cat)
  [ "${#text}" -ge 32 ] || { echo "make-secrets.sh: openssl gave nothing for $1." >&2; exit 69; }
  printf '%s\n' "$text" > "$file.new"
  chmod 444 "$file.new"
  mv "$file.new" "$file"
  made=$((made + 1))
}

for name in "${passwords[@]}"; do [ -s "$folder/$name.txt" ] || keep "$name" < <(openssl rand -hex 24); done
for name in "${secrets[@]}"; do [ -s "$folder/$name.txt" ] || keep "$name" < <(openssl rand -hex 48); done
for name in "${keys[@]}"; do [ -s "$folder/$name.txt" ] || keep "$name" < <(openssl rand -base64 32); done
echo "$made secrets made in $folder; the others were there. Keep a copy where you keep what must not be lost: without
encryption_key.txt the signing keys and what else is encrypted in the database cannot be read."
