# What the scripts of this folder have in common. Sourced, not run. Bash, set -euo pipefail and umask 077 come from them.
# shellcheck shell=bash disable=SC2034  # some of the variables are for those who source it

readonly EX_USAGE=64 EX_UNAVAILABLE=69 EX_IO=74 EX_CONFIG=78
program=$(basename "$0")
deploy="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

fail() {
  local status=$1 line
  shift
  for line in "$@"; do printf '%s: %s\n' "$program" "$line" >&2; done
  exit "$status"
}

need() {
  local command missing=()
  for command in "$@"; do command -v "$command" >/dev/null || missing+=("$command is not installed: apt-get install $command"); done
  [ ${#missing[@]} -eq 0 ] || fail "$EX_UNAVAILABLE" "${missing[@]}"
}

# A host name, *.name, or an IP address; nothing that could be read as an option or as another line of a configuration.
is_name() { [[ "$1" =~ ^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$ ]] || is_address "$1"; }
is_address() { [[ "$1" =~ ^[0-9]{1,3}(\.[0-9]{1,3}){3}$ || "$1" =~ ^[0-9a-fA-F]*:[0-9a-fA-F:.]+$ ]]; }

# DNS:a.example,IP:192.0.2.1 of the names given: browsers read nothing else.
alternative_names() {
  local name list=()
  for name in "$@"; do
    if is_address "$name"; then list+=("IP:$name"); else list+=("DNS:$name"); fi
  done
  local IFS=,
  printf '%s' "${list[*]}"
}

# Leaves nothing of a run that failed. `work` is removed with what is in it.
make_work() {
  mkdir -p "$1" || fail "$EX_IO" "the folder $1 cannot be made"
  work=$(mktemp -d "$1/.new.XXXXXX") || fail "$EX_IO" "the folder $1 cannot be written"
  trap 'rm -rf "$work"' EXIT
}

# install_pair FOLDER: certificate.crt, private.key and ca.crt from $work, checked against each other, take their places
# one by one by rename. They belong to whoever owns the folder: nginx's user in the compose stack.
install_pair() {
  local folder=$1 name
  verify_pair "$work/certificate.crt" "$work/private.key" "$work/ca.crt"
  chmod 600 "$work/private.key"
  chmod 644 "$work/certificate.crt" "$work/ca.crt"
  if [ "$(id -u)" = 0 ]; then
    chown --reference="$folder" "$work"/{private.key,certificate.crt,ca.crt} || fail "$EX_IO" "$folder: its owner cannot be given the files"
  fi
  for name in private.key certificate.crt ca.crt; do
    mv -f "$work/$name" "$folder/$name" || fail "$EX_IO" "$folder/$name cannot be replaced; check that all three files belong together"
  done
}

verify_pair() {
  local certificate=$1 key=$2 ca=$3
  [ "$(openssl pkey -in "$key" -pubout 2>/dev/null)" = "$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null)" ] ||
    fail 1 "$key is not the key of $certificate; nothing was replaced"
  # -partial_chain: the authority of Let's Encrypt's file is an intermediate one.
  openssl verify -partial_chain -CAfile "$ca" -untrusted "$certificate" "$certificate" >/dev/null 2>&1 ||
    fail 1 "$certificate does not verify against $ca; nothing was replaced"
}

# reload COMMAND: tells the servers. The files are in place by then, so a failure here is told, not undone.
reload() {
  [ -z "$1" ] || bash -c "$1" || fail 1 "the new files are in place, but this failed: $1"
}

describe() {
  openssl x509 -in "$1" -noout -subject -issuer -enddate -ext subjectAltName 2>/dev/null | sed 's/^/  /'
}
