#!/usr/bin/env bash
# Which servers nginx gives requests to: writes nginx/live/pool.conf and has nginx take it. The other scripts source it.
set -euo pipefail

# shellcheck source=lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly POOL_USAGE='usage: pool.sh --print blue | split SHARE | pinned COUNT ADDRESS… | settling COUNT ADDRESS…
       pool.sh --reset

--print writes the text of one state to standard output and changes nothing:
  blue      everyone to the service app, by name: the state between releases
  split     SHARE percent of the clients to app-green, always the same ones; 0 and 100 are none and all.
            The header "X-Canary: always" or "never" chooses a side, for those who test.
  pinned    everyone to these addresses: while replicas are replaced
  settling  the same and app by name, before blue: a name needs a moment until it is resolved
--reset puts nginx back to blue, for when a release was killed and is not to be finished.'

server_lines() { # SUFFIX HOST…
  local suffix=$1 host
  shift
  for host; do printf '    server %s:3000%s max_fails=1 fail_timeout=2s;\n' "$host" "$suffix"; done
}

upstream() { # NAME, its servers on standard input
  printf 'upstream %s {\n    zone %s 256k;\n    least_conn;\n' "$1" "$1"
  cat
  printf '    keepalive 32;\n    keepalive_timeout 2s;\n}\n'
}

everyone_to() { printf "map \$host \$pool {\n    default %s;\n}\n" "$1"; }

split() { # SHARE
  local rest=blue
  upstream blue < <(server_lines ' resolve' app)
  # Where no green server takes a request, a blue one does.
  upstream green < <(server_lines ' resolve' app-green && server_lines ' resolve backup' app)
  case "$1" in
    0) ;;
    100) rest=green ;;
    *)
      # By address and program: the same client stays on its side, and keeps it as the share grows.
      printf "split_clients \"\${remote_addr}\${http_user_agent}\" \$drawn {\n    %s%% green;\n    *   blue;\n}\n" "$1"
      rest=\$drawn
      ;;
  esac
  printf "map \$http_x_canary \$pool {\n    always  green;\n    never   blue;\n    default %s;\n}\n" "$rest"
}

# The first line says which state it is, for the scripts and for whoever looks.
pool_text() { # STATE …
  printf '# state: %s\n' "$1${2:+ $2}"
  case "$1" in
    blue)
      echo "# Everyone goes to the service \`app\`, to as many of it as there are. prepare.sh copies this to live/pool.conf."
      upstream blue < <(server_lines ' resolve' app)
      everyone_to blue
      ;;
    split) split "$2" ;;
    pinned)
      upstream blue < <(server_lines '' "${@:3}")
      everyone_to blue
      ;;
    settling)
      upstream blue < <(server_lines '' "${@:3}" && server_lines ' resolve' app)
      everyone_to blue
      ;;
  esac
}

# "blue", "split 10", "pinned 3" …
pool_state() {
  local state
  state=$(sed -n '1s/^# state: //p' "$LIVE/pool.conf")
  echo "${state:-blue}"
}

# Only what nginx accepts stays. Ends when no worker is left that knows the pool of before: who is not in the new one has
# had his last request.
publish() { # STATE …
  local before output
  cp -p "$LIVE/pool.conf" "$LIVE/.pool.before" || die "$EX_IO" "$LIVE cannot be written"
  pool_text "$@" >"$LIVE/.pool.new" || die "$EX_IO" "$LIVE cannot be written"
  chmod 644 "$LIVE/.pool.new"
  mv -f "$LIVE/.pool.new" "$LIVE/pool.conf"
  if ! output=$(docker exec "$NGINX" nginx -t 2>&1); then
    mv -f "$LIVE/.pool.before" "$LIVE/pool.conf"
    die "$EX_CONFIG" "nginx does not take its settings and goes on with those of before: $output"
  fi
  before=$(nginx_workers)
  quietly docker exec "$NGINX" nginx -s reload || die "$EX_UNAVAILABLE" 'nginx could not be told to reload'
  await_new_workers "$before"
}

nginx_workers() {
  docker exec "$NGINX" sh -c 'grep -l "^nginx: [w]orker process" /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3' || true
}

# worker_shutdown_timeout in nginx.conf is 30 s: then nginx itself ends the last request.
await_new_workers() { # PIDS
  local end=$((SECONDS + 40)) now left
  while :; do
    now=$(nginx_workers)
    left=$(comm -12 <(sort <<<"$1") <(sort <<<"$now"))
    if [[ -n $now && -z $left ]]; then return 0; fi
    if ((SECONDS >= end)); then
      if [[ $now == "$left" ]]; then die "$EX_UNAVAILABLE" 'nginx did not reload: docker compose logs nginx'; fi
      warn "nginx still finishes requests of before; going on"
      return 0
    fi
    sleep 0.2
  done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  case "${1:-}" in
    -h | --help)
      printf '%s\n\n%s\n' "$POOL_USAGE" "$EXIT_CODES"
      ;;
    --print)
      shift
      case "${1:-} $#" in
        'blue 1') ;;
        'split 2') require_number 'split' "$2" 0 100 ;;
        'pinned '[3-9]* | 'settling '[3-9]* | 'pinned '[12][0-9]* | 'settling '[12][0-9]*) require_number "$1" "$2" 1 50 ;;
        *)
          printf '%s\n' "$POOL_USAGE" >&2
          exit "$EX_USAGE"
          ;;
      esac
      pool_text "$@"
      ;;
    --reset)
      open_stack
      publish blue
      say 'nginx gives everyone to the service app'
      ;;
    *)
      printf '%s\n' "$POOL_USAGE" >&2
      exit "$EX_USAGE"
      ;;
  esac
fi
