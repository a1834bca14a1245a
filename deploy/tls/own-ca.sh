#!/usr/bin/env bash
# An own certificate authority: for machines and clients that are all yours, and can be told to trust it.
set -euo pipefail
umask 077
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'HELP'
usage: own-ca.sh init  [--ca FOLDER] [--days N] [--subject TEXT]
       own-ca.sh issue --name NAME… [--ca FOLDER] [--out FOLDER] [--days N] [--force] [--client] [--reload COMMAND]
       own-ca.sh renew [--ca FOLDER] [--out FOLDER] [--days N] [--within DAYS] [--client] [--reload COMMAND]

init   makes the authority (ca.key, ca.crt) in its FOLDER (default: deploy/secrets), unless there is one already.
issue  makes certificate.crt, private.key and a copy of ca.crt in FOLDER (default: deploy/ssl).
renew  makes another certificate for the names of the one there, with a new key. With --within, only if it ends within
       so many days: fit for a daily timer.

  --name NAME       a host name, *.name or an IP address; several may be given
  --days N          how long it is valid; authority: 1 to 7300 (default 3650), certificate: 1 to 825 (default 90)
  --client          a certificate for a client (Filebeat to Logstash), not for a server
  --force           issue: replaces the files that are there
  --reload COMMAND  run when the files are in place, such as 'systemctl kill -s HUP auth-api'

Whoever has ca.key can be anybody to those who trust ca.crt: keep it off the servers, where you can.
Exit codes: 0 made, or nothing to do; 64 wrong arguments; 69 openssl is missing; 74 files cannot be written; 78 the
files exist already, or are missing, or do not fit together.
HELP
}

verb=${1:-}
case "$verb" in
  -h | --help) usage; exit 0 ;;
  init | issue | renew) shift ;;
  *) usage >&2; exit "$EX_USAGE" ;;
esac
ca="$deploy/secrets"
out="$deploy/ssl"
names=()
days=
within=
subject='auth-api own CA'
usage_of=serverAuth
is_forced=false
command=
faults=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --force) is_forced=true; shift; continue ;;
    --client) usage_of=clientAuth; shift; continue ;;
    --ca | --out | --name | --days | --within | --subject | --reload) [ $# -ge 2 ] || { faults+=("$1 takes a value"); shift; continue; } ;;
    *) faults+=("unknown argument: $1"); shift; continue ;;
  esac
  case "$1" in
    --ca) ca=$2 ;;
    --out) out=$2 ;;
    --name) names+=("$2"); is_name "$2" || faults+=("--name takes a host name or an IP address, not $2") ;;
    --days) days=$2; [[ "$2" =~ ^[1-9][0-9]{0,3}$ ]] || faults+=("--days takes a number, not $2") ;;
    --within) within=$2; [[ "$2" =~ ^[0-9]{1,3}$ ]] || faults+=("--within takes a number of days, not $2") ;;
    --subject) subject=$2; [[ "$2" =~ ^[A-Za-z0-9\ ._-]{1,64}$ ]] || faults+=('--subject takes letters, digits, blanks and . _ -') ;;
    --reload) command=$2 ;;
  esac
  shift 2
done
longest=825
if [ "$verb" = init ]; then longest=7300 && days=${days:-3650}; else days=${days:-90}; fi
if [[ "$days" =~ ^[0-9]+$ ]] && [ "$days" -gt "$longest" ]; then faults+=("--days takes at most $longest here"); fi
if [ "$verb" = issue ] && [ ${#names[@]} -eq 0 ]; then faults+=('issue takes at least one --name'); fi
[ ${#faults[@]} -eq 0 ] || fail "$EX_USAGE" "${faults[@]}" 'see --help'
need openssl

init() {
  if [ -s "$ca/ca.key" ] && [ -s "$ca/ca.crt" ]; then
    echo "There is an authority in $ca already; it stays."
    exit 0
  fi
  if [ -e "$ca/ca.key" ] || [ -e "$ca/ca.crt" ]; then
    fail "$EX_CONFIG" "$ca holds only one of ca.key and ca.crt: bring the other back, or put it aside yourself"
  fi
  make_work "$ca"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/ca.key" 2>/dev/null
  openssl req -x509 -new -sha256 -key "$work/ca.key" -days "$days" -subj "/CN=$subject" -set_serial "0x$(openssl rand -hex 16)" \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign' -out "$work/ca.crt"
  chmod 644 "$work/ca.crt"
  mv "$work/ca.key" "$ca/ca.key"
  mv "$work/ca.crt" "$ca/ca.crt"
  describe "$ca/ca.crt"
}

# issue SUBJECT_ALTERNATIVE_NAMES
issue() {
  if ! [ -s "$ca/ca.key" ] || ! [ -s "$ca/ca.crt" ]; then
    fail "$EX_CONFIG" "there is no authority in $ca: own-ca.sh init --ca $ca"
  fi
  openssl x509 -in "$ca/ca.crt" -noout -checkend "$((days * 86400))" >/dev/null ||
    fail "$EX_CONFIG" "$ca/ca.crt ends before $days days are over: ask for fewer --days, or make a new authority"
  make_work "$out"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/private.key" 2>/dev/null
  openssl req -new -sha256 -key "$work/private.key" -subj '/CN=auth-api' -out "$work/request.csr"
  printf '%s\n' "subjectAltName=$1" 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
    "extendedKeyUsage=$usage_of" 'authorityKeyIdentifier=keyid' > "$work/extensions.cnf"
  openssl x509 -req -sha256 -in "$work/request.csr" -CA "$ca/ca.crt" -CAkey "$ca/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
    -days "$days" -extfile "$work/extensions.cnf" -out "$work/certificate.crt" 2>/dev/null ||
    fail "$EX_CONFIG" "$ca/ca.key could not sign: does it belong to $ca/ca.crt?"
  cp "$ca/ca.crt" "$work/ca.crt"
  install_pair "$out"
  describe "$out/certificate.crt"
  reload "$command"
}

case "$verb" in
  init) init ;;
  issue)
    if ! $is_forced && { [ -e "$out/certificate.crt" ] || [ -e "$out/private.key" ]; }; then
      fail "$EX_CONFIG" "$out already holds a certificate or a key: renew keeps the names, --force replaces them"
    fi
    issue "$(alternative_names "${names[@]}")"
    ;;
  renew)
    [ -s "$out/certificate.crt" ] || fail "$EX_CONFIG" "there is nothing to renew in $out: own-ca.sh issue --name NAME"
    if [ -n "$within" ] && openssl x509 -in "$out/certificate.crt" -noout -checkend "$((within * 86400))" >/dev/null; then
      echo "The certificate in $out is valid for more than $within days; nothing was done."
      exit 0
    fi
    subject_names=$(openssl x509 -in "$out/certificate.crt" -noout -ext subjectAltName 2>/dev/null | tail -n +2 | sed 's/IP Address:/IP:/g; s/ //g')
    [ -n "$subject_names" ] || fail "$EX_CONFIG" "$out/certificate.crt names nobody, so it cannot be renewed: issue another with --force"
    issue "$subject_names"
    ;;
esac
