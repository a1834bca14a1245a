#!/usr/bin/env bash
# A certificate that browsers trust, from Let's Encrypt or any other ACME server, by certbot: HTTP-01 through a folder
# that the reverse proxy serves, so nothing has to be stopped.
set -euo pipefail
umask 077
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'HELP'
usage: lets-encrypt.sh issue --name NAME… --email ADDRESS [options]
       lets-encrypt.sh renew [--state FOLDER] [--force]

issue  asks for a certificate and puts certificate.crt, private.key and ca.crt into FOLDER (default: deploy/ssl). Safe to
       run again: a certificate for the same names that is still good is kept. How to renew is remembered.
renew  renews what is due, puts the files in their places and tells the servers. Run it twice a day: Debian's
       certbot.timer does so already; elsewhere take tls/auth-api-tls.timer, or a line of cron:
           17 3,15 * * * root /opt/auth-api/deploy/tls/lets-encrypt.sh renew

  --name NAME       a host name; several may be given. Port 80 of each must lead to the reverse proxy
  --email ADDRESS   where the authority writes to when something is wrong
  --webroot FOLDER  what is served under /.well-known/acme-challenge/ (default: deploy/acme, as nginx.conf has it)
  --out FOLDER      where the files go (default: deploy/ssl)
  --reload COMMAND  run when the files are in place. Default: nginx of the compose stack reads them again
  --staging         Let's Encrypt's own trial service: its certificates are not trusted, its limits are wide
  --server URL      the directory of another ACME server
  --state FOLDER    certbot's folder (default: /etc/letsencrypt)
  --force           renew: also what is not due yet

Issuing accepts the authority's terms of service in your name.
Exit codes: 0 done; 1 refused, or a file does not fit; 64 wrong arguments; 69 a program is missing; 74 files cannot be written.
HELP
}

verb=${1:-}
case "$verb" in
  -h | --help) usage; exit 0 ;;
  issue | renew | deploy) shift ;;
  *) usage >&2; exit "$EX_USAGE" ;;
esac
names=()
email=
webroot="$deploy/acme"
out="$deploy/ssl"
compose=(docker compose --project-directory "$deploy" -f "$deploy/docker-compose.prod.yml")
command="${compose[*]@Q} exec -T nginx nginx -s reload"
server=()
state=
is_forced=false
faults=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --staging) server=(--staging); shift; continue ;;
    --force) is_forced=true; shift; continue ;;
    --name | --email | --webroot | --out | --reload | --server | --state) [ $# -ge 2 ] || { faults+=("$1 takes a value"); shift; continue; } ;;
    *) faults+=("unknown argument: $1"); shift; continue ;;
  esac
  case "$1" in
    --name) names+=("$2"); { is_name "$2" && ! is_address "$2" && [[ "$2" != '*'* ]]; } || faults+=("--name takes a host name, not $2") ;;
    --email) email=$2; [[ "$2" =~ ^[^@[:space:]-][^@[:space:]]*@[^@[:space:]]+$ ]] || faults+=("--email takes an address, not $2") ;;
    --webroot) webroot=$2 ;;
    --out) out=$2 ;;
    --reload) command=$2 ;;
    --server) server=(--server "$2"); [[ "$2" == https://* ]] || faults+=("--server takes a URL with https, not $2") ;;
    --state) state=$2 ;;
  esac
  shift 2
done
if [ "$verb" = issue ]; then
  [ ${#names[@]} -gt 0 ] || faults+=('issue takes at least one --name')
  [ -n "$email" ] || faults+=('issue takes --email')
fi
[ ${#faults[@]} -eq 0 ] || fail "$EX_USAGE" "${faults[@]}" 'see --help'
need openssl

folders=()
[ -z "$state" ] || folders=(--config-dir "$state" --work-dir "$state/work" --logs-dir "$state/logs")

# What certbot calls when there is a new certificate; its folder is in RENEWED_LINEAGE.
put_in_place() {
  local from=${RENEWED_LINEAGE:-}
  [ -s "$from/fullchain.pem" ] || fail 1 'deploy is for certbot, which says in RENEWED_LINEAGE where the new certificate is'
  make_work "$out"
  cp -L "$from/fullchain.pem" "$work/certificate.crt"
  cp -L "$from/privkey.pem" "$work/private.key"
  cp -L "$from/chain.pem" "$work/ca.crt"
  install_pair "$out"
  describe "$out/certificate.crt"
  reload "$command"
}

issue() {
  need certbot
  local name domains=() hook
  for name in "${names[@]}"; do domains+=(--domain "$name"); done
  mkdir -p "$out" || fail "$EX_IO" "the folder $out cannot be made"
  mkdir -p "$webroot/.well-known/acme-challenge" || fail "$EX_IO" "the folder $webroot cannot be made"
  # What the authority fetches is public, and the reverse proxy is another user.
  chmod 755 "$webroot" "$webroot/.well-known" "$webroot/.well-known/acme-challenge"
  printf -v hook '%q deploy --out %q --reload %q' "$deploy/tls/lets-encrypt.sh" "$(cd "$out" && pwd)" "$command"
  (umask 022 && certbot certonly --webroot --webroot-path "$webroot" --non-interactive --agree-tos --email "$email" \
    --no-eff-email --keep-until-expiring --cert-name auth-api --renew-with-new-domains --key-type ecdsa --elliptic-curve secp256r1 \
    --deploy-hook "$hook" "${server[@]}" "${folders[@]}" "${domains[@]}") ||
    fail 1 'certbot was refused: its words are above. Try with --staging until it works, the number of tries is limited.'
  # A certificate that was kept has called no hook, and the place of the files may be another.
  RENEWED_LINEAGE="${state:-/etc/letsencrypt}/live/auth-api"
  if ! cmp -s "$RENEWED_LINEAGE/fullchain.pem" "$out/certificate.crt"; then put_in_place; fi
}

case "$verb" in
  deploy) put_in_place ;;
  issue) issue ;;
  renew)
    need certbot
    forced=()
    if $is_forced; then forced=(--force-renewal); fi
    certbot renew --cert-name auth-api --non-interactive --no-random-sleep-on-renew "${forced[@]}" "${folders[@]}" ||
      fail 1 'certbot could not renew: its words are above. The files in use stay as they are.'
    ;;
esac
