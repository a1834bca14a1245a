#!/usr/bin/env bash
# Starts Apache in a container, in the foreground and without a file of its own: what Debian keeps in /run is made first.
set -euo pipefail
case "${1:-}" in
  -h | --help) echo 'usage: start.sh [options of apache2]; takes AUTH_API_HOST and AUTH_API_UPSTREAM'; exit 0 ;;
esac
# Debian's file expects unset variables.
set +u
# shellcheck source=/dev/null
source /etc/apache2/envvars
set -u
mkdir -p "$(readlink -m "$APACHE_RUN_DIR")" "$(readlink -m "$APACHE_LOCK_DIR")"
exec apache2 -D FOREGROUND \
  -C "Define AUTH_API_HOST ${AUTH_API_HOST:-localhost}" \
  -C "Define AUTH_API_UPSTREAM ${AUTH_API_UPSTREAM:-app:3000}" \
  -C 'Define AUTH_API_HTTP_PORT 8080' \
  -C 'Define AUTH_API_HTTPS_PORT 8443' \
  -C 'Define AUTH_API_LOG /dev/stdout' \
  -c 'ErrorLog /dev/stderr' "$@"
