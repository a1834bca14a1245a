#!/usr/bin/env bash
# The certificate that docker-compose.pgbouncer.yml needs besides what ../prepare.sh makes. Safe to run again.
set -euo pipefail
umask 077

usage() {
  cat <<'HELP'
usage: pgbouncer/prepare.sh

Makes PgBouncer's certificate, signed by the authority in deploy/secrets, unless there is one that is valid for another
thirty days. Afterwards:

  docker compose -f docker-compose.prod.yml -f docker-compose.pgbouncer.yml up -d
HELP
}

case "${1:-}" in
  '') ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 64 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if ! [ -s secrets/ca.key ] || ! [ -s secrets/ca.crt ]; then
  echo 'pgbouncer/prepare.sh: there is no authority in deploy/secrets: run ./prepare.sh first.' >&2
  exit 78
fi
folder=secrets/pgbouncer
if [ -s "$folder/certificate.crt" ] && openssl x509 -in "$folder/certificate.crt" -noout -checkend $((30 * 86400)) > /dev/null; then
  echo "PgBouncer's certificate is there; it stays."
  exit 0
fi
mkdir -p "$folder"
./tls/own-ca.sh issue --force --name pgbouncer --name localhost --name 127.0.0.1 --out "$folder" --days 825
# As with the other secrets: the folder above is closed, and each container has a user of its own.
chmod 711 "$folder"
chmod 444 "$folder"/*
