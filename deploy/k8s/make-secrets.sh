#!/usr/bin/env bash
# Makes k8s/secrets.yaml of the files in deploy/secrets. Nothing is sent anywhere, and no kubectl is needed.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: make-secrets.sh [--from DIRECTORY] [--to FILE] [--namespace NAME]

Writes the secrets of the servers (auth-secrets) and of the migration (auth-migration-secrets) as Kubernetes manifests,
ready for kubectl apply -f.

  --from DIRECTORY   where the files are                     (deploy/secrets)
  --to FILE          what is written, readable by you alone  (secrets.yaml beside this script); - is standard output
  --namespace NAME                                           (auth-system)

Each secret is one file, such as encryption_key.txt; deploy/make-secrets.sh makes them. smtp_password.txt is yours to
add, where the mail server asks for a password (SMTP_USER in configmap.yaml).

Exit codes: 0 made; 64 wrong arguments; 74 the file could not be written; 78 secrets are missing or unfit.
TEXT
}

fail() {
  echo "make-secrets.sh: $2" >&2
  exit "$1"
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
from=$here/../secrets
to=$here/secrets.yaml
namespace=auth-system
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --from | --to | --namespace)
      [ $# -ge 2 ] || fail 64 "$1 needs a value; --help shows how"
      case $1 in --from) from=$2 ;; --to) to=$2 ;; --namespace) namespace=$2 ;; esac
      shift 2
      ;;
    *) fail 64 "unknown argument $1; --help shows how" ;;
  esac
done
[[ $namespace =~ ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$ ]] || fail 64 "$namespace is no name of a namespace"
[ -d "$from" ] || fail 78 "there is no directory $from; deploy/make-secrets.sh makes it"
from=$(cd "$from" && pwd)

servers=(db-app-password redis-password jwt-refresh-secret session-secret csrf-secret encryption-key)
migration=(db-owner-password)
[ ! -e "$from/smtp_password.txt" ] || servers+=(smtp-password)

# The file of a key: db-app-password is in db_app_password.txt.
file_of() { echo "$from/${1//-/_}.txt"; }

# The value without the line break at its end, which the server would drop as well.
value_of() {
  local value
  value=$(cat "$1" && echo .)
  value=${value%.}
  value=${value%$'\n'}
  printf %s "${value%$'\r'}"
}

faults=()
for key in "${servers[@]}" "${migration[@]}"; do
  file=$(file_of "$key")
  if [ ! -f "$file" ]; then
    faults+=("$file is missing")
  elif [ ! -r "$file" ]; then
    faults+=("$file cannot be read by $(id -un)")
  elif [ -z "$(value_of "$file" | tr -d '[:space:]')" ]; then
    faults+=("$file is empty")
  elif [ "$(value_of "$file" | tr -cd '[:cntrl:]' | wc -c)" -ne 0 ]; then
    faults+=("$file has more than one line, or control characters")
  fi
done
if [ "${#faults[@]}" -gt 0 ]; then
  printf 'make-secrets.sh: %s\n' "${faults[@]}" >&2
  fail 78 'nothing was written; deploy/make-secrets.sh makes what is missing'
fi

secret() {
  local name=$1 key
  shift
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\n' "$name" "$namespace"
  printf '  labels:\n    app.kubernetes.io/part-of: auth-api\ntype: Opaque\ndata:\n'
  for key in "$@"; do
    printf '  %s: %s\n' "$key" "$(value_of "$(file_of "$key")" | base64 | tr -d '\n')"
  done
}

manifests() {
  echo '# Made by make-secrets.sh. Never commit this file: base64 hides nothing.'
  secret auth-secrets "${servers[@]}"
  echo '# For the migration alone: the servers never see the password of the schema'"'"'s owner.'
  secret auth-migration-secrets "${migration[@]}"
}

if [ "$to" = - ]; then
  manifests
  exit 0
fi
umask 077
new=$(mktemp "$to.XXXXXX" 2>/dev/null) || fail 74 "$(dirname "$to") cannot be written to"
trap 'rm -f "$new"' EXIT
manifests > "$new" || fail 74 "$new could not be written"
mv -f "$new" "$to" || fail 74 "$to could not be written"
echo "wrote $to: kubectl apply -f it, and keep it out of version control" >&2
