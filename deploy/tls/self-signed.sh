#!/usr/bin/env bash
# A certificate that vouches for itself: for trying things out. Browsers warn; clients must be given ca.crt.
set -euo pipefail
umask 077
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'HELP'
usage: self-signed.sh [--name NAME]… [--days N] [--out FOLDER] [--renew | --force] [--reload COMMAND]

Makes certificate.crt, private.key and ca.crt (the same certificate, for clients to trust) in FOLDER (default:
deploy/ssl). NAME is a host name or an IP address; several may be given (default: localhost and 127.0.0.1).

  --days N          how long it is valid, 1 to 825 (default: 90)
  --renew           replaces what is there: the same names, the same key
  --force           replaces what is there with another key and the names given
  --reload COMMAND  run when the files are in place, such as 'docker compose -f docker-compose.prod.yml exec nginx nginx -s reload'

Exit codes: 0 made; 64 wrong arguments; 69 openssl is missing; 74 files cannot be written; 78 the files exist already.
HELP
}

names=()
days=90
out="$deploy/ssl"
mode=new
command=
faults=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --renew | --force) mode=${1#--}; shift; continue ;;
    --name | --days | --out | --reload) [ $# -ge 2 ] || { faults+=("$1 takes a value"); shift; continue; } ;;
    *) faults+=("unknown argument: $1"); shift; continue ;;
  esac
  case "$1" in
    --name) names+=("$2"); is_name "$2" || faults+=("--name takes a host name or an IP address, not $2") ;;
    --days) days=$2; { [[ "$2" =~ ^[0-9]{1,3}$ ]] && [ "$2" -ge 1 ] && [ "$2" -le 825 ]; } || faults+=("--days takes a number from 1 to 825, not $2") ;;
    --out) out=$2 ;;
    --reload) command=$2 ;;
  esac
  shift 2
done
[ ${#faults[@]} -eq 0 ] || fail "$EX_USAGE" "${faults[@]}" 'see --help'
need openssl

has_files=false
if [ -e "$out/certificate.crt" ] || [ -e "$out/private.key" ]; then has_files=true; fi
if $has_files && [ "$mode" = new ]; then
  fail "$EX_CONFIG" "$out already holds a certificate or a key: --renew keeps the key and the names, --force replaces both"
fi
if [ "$mode" = renew ] && ! { [ -s "$out/certificate.crt" ] && [ -s "$out/private.key" ]; }; then
  fail "$EX_CONFIG" "there is nothing to renew in $out: certificate.crt and private.key must both be there"
fi

make_work "$out"
if [ "$mode" = renew ]; then
  cp "$out/private.key" "$work/private.key"
  subject_names=$(openssl x509 -in "$out/certificate.crt" -noout -ext subjectAltName | tail -n +2 | sed 's/IP Address:/IP:/g; s/ //g')
  [ -n "$subject_names" ] || fail "$EX_CONFIG" "$out/certificate.crt names nobody: make another with --force"
else
  [ ${#names[@]} -gt 0 ] || names=(localhost 127.0.0.1)
  subject_names=$(alternative_names "${names[@]}")
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/private.key" 2>/dev/null
fi
openssl req -x509 -new -sha256 -key "$work/private.key" -days "$days" -subj '/CN=auth-api self-signed' -set_serial "0x$(openssl rand -hex 16)" \
  -addext "subjectAltName=$subject_names" -addext 'basicConstraints=critical,CA:FALSE' \
  -addext 'keyUsage=critical,digitalSignature' -addext 'extendedKeyUsage=serverAuth' -out "$work/certificate.crt"
cp "$work/certificate.crt" "$work/ca.crt"
install_pair "$out"
describe "$out/certificate.crt"
reload "$command"
