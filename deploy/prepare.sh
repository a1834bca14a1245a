#!/usr/bin/env bash
# Everything that `docker compose up` needs on this machine and that no repository should hold. Safe to run again.
set -euo pipefail
umask 077

usage() {
  cat <<'HELP'
usage: prepare.sh [--domain NAME]

Makes what is not there yet: the secrets, an own certificate authority with the certificates of nginx and PostgreSQL,
.env.production, and nginx's live settings. NAME is the host that people will use (default: localhost). For a
certificate that browsers trust, run tls/lets-encrypt.sh afterwards.
HELP
}

domain=
while [ $# -gt 0 ]; do
  case "$1" in
    --domain) domain=${2:-}; shift 2 || { usage >&2; exit 64; } ;;
    --domain=*) domain=${1#*=}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
done
if [ -n "$domain" ] && ! [[ "$domain" =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]]; then
  echo "prepare.sh: --domain takes a host name such as auth.example.com, not $domain" >&2
  exit 64
fi

cd "$(dirname "${BASH_SOURCE[0]}")"
./make-secrets.sh

# The name of a former run stays, unless another is asked for.
if [ -z "$domain" ]; then
  domain=localhost
  [ ! -s .env.production ] || domain=$(sed -nE 's#^PUBLIC_URL=https?://([^/:]+).*#\1#p' .env.production | head -n 1)
fi

mkdir -p ssl acme nginx/live
chmod 755 acme nginx/live

# An authority of our own for what only this stack must believe, kept with the secrets.
days=825
if [ ! -s secrets/ca.key ] || [ ! -s secrets/ca.crt ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out secrets/ca.key
  openssl req -x509 -new -key secrets/ca.key -sha256 -days 3650 -subj '/CN=auth-api internal CA' \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign' -out secrets/ca.crt
  chmod 444 secrets/ca.crt
fi

# issue KEY CERTIFICATE NAME: a server's certificate for one name.
issue() {
  local key=$1 certificate=$2 name=$3 request
  request=$(mktemp)
  openssl ecparam -name prime256v1 -genkey -noout -out "$key.new"
  openssl req -new -key "$key.new" -subj "/CN=$name" -out "$request"
  openssl x509 -req -in "$request" -CA secrets/ca.crt -CAkey secrets/ca.key -set_serial "0x$(openssl rand -hex 16)" -sha256 \
    -days "$days" -out "$certificate.new" 2>/dev/null -extfile <(printf '%s\n' "subjectAltName=DNS:$name,DNS:localhost,IP:127.0.0.1" \
      'basicConstraints=CA:FALSE' 'extendedKeyUsage=serverAuth' 'keyUsage=critical,digitalSignature')
  chmod 444 "$key.new" "$certificate.new"
  mv -f "$key.new" "$key"
  mv -f "$certificate.new" "$certificate"
  rm -f "$request"
}

[ -s secrets/db_tls.crt ] || issue secrets/db_tls.key secrets/db_tls.crt postgres
if [ ! -s ssl/certificate.crt ]; then
  issue ssl/private.key ssl/certificate.crt "$domain"
  cp secrets/ca.crt ssl/ca.crt
fi

# nginx runs as user 101 and must read this folder; nobody else should. Giving it away takes root.
if [ "$(id -u)" = 0 ]; then
  chown -R 101:101 ssl
  chmod 700 ssl
else
  chmod 711 ssl
  echo "prepare.sh: not root, so everyone on this machine can read deploy/ssl/private.key: run it with sudo to close it." >&2
fi

if [ ! -s .env.production ]; then
  sed -E "s#^PUBLIC_URL=.*#PUBLIC_URL=https://$domain#" .env.production.example > .env.production
  [ "$domain" = localhost ] || sed -E -i "s#^(EMAIL_FROM=.*@)localhost>#\1$domain>#" .env.production
fi
# On a laptop addresses do, too: without a name in the handshake nginx then shows its certificate all the same.
if [ "$domain" = localhost ]; then
  echo 'server_name localhost 127.0.0.1 [::1];' > nginx/live/server_name.conf
  printf 'ssl_certificate%s /etc/nginx/ssl/%s;\n' '' certificate.crt _key private.key > nginx/live/strangers.conf
else
  printf 'server_name %s;\n' "$domain" > nginx/live/server_name.conf
  echo 'ssl_reject_handshake on;' > nginx/live/strangers.conf
fi
[ -s nginx/live/pool.conf ] || cp nginx/pool.default.conf nginx/live/pool.conf
chmod 644 nginx/live/*.conf

# What is there already is not changed behind anybody's back.
if ! grep -qE "^PUBLIC_URL=https?://$domain(:[0-9]+)?/?\$" .env.production; then
  echo "prepare.sh: .env.production says $(grep -m 1 ^PUBLIC_URL= .env.production || echo 'no PUBLIC_URL'): change it to https://$domain" >&2
fi
if ! openssl x509 -in ssl/certificate.crt -noout -checkhost "$domain" | grep -q 'does match'; then
  echo "prepare.sh: ssl/certificate.crt is not for $domain: replace it, for example with tls/lets-encrypt.sh" >&2
fi

echo "Ready for https://$domain. Look at .env.production (mail, CORS), then:
  docker compose -f docker-compose.prod.yml build
  docker compose -f docker-compose.prod.yml up -d"
