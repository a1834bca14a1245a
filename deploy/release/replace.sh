# shellcheck shell=bash
# Replacing replicas of the service `app` while nginx knows them by address: sourced by rolling.sh, rollback.sh, scale.sh.

# By name, nginx would find a replica before it is ready and until it has exited; a connection opened in its last moment is
# reset, and a POST on it is lost.

# shellcheck source=pool.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/pool.sh"

# The containers that get requests, and whether nginx has to be brought back to names.
POOL=()
UNSETTLED=false

require_settled() {
  case "$(pool_state)" in
    blue | pinned* | settling*) ;;
    *) die "$EX_FAILED" "a blue-green or canary release is open ($(pool_state)): finish it with blue-green.sh finish, or end it with blue-green.sh back" ;;
  esac
}

addresses() {
  local id
  for id; do address_of "$id"; done
}

pin() { # CONTAINER…
  local found
  mapfile -t found < <(addresses "$@")
  POOL=("$@")
  UNSETTLED=true
  publish pinned "$#" "${found[@]}"
}

in_pool() { # CONTAINER
  local one
  for one in "${POOL[@]}"; do [[ $one != "$1" ]] || return 0; done
  return 1
}

# Whoever gets no requests goes, and those who do are found by name again.
settle() {
  local id found rest=()
  $UNSETTLED || return 0
  mapfile -t found < <(containers app)
  for id in "${found[@]}"; do in_pool "$id" || rest+=("$id"); done
  remove "${rest[@]}"
  mapfile -t found < <(addresses "${POOL[@]}")
  publish settling "${#POOL[@]}" "${found[@]}"
  # A name that nginx has known for a moment has no gap.
  sleep 2
  publish blue
  UNSETTLED=false
}

# However the script ends.
put_in_order() {
  local status=$?
  trap '' INT TERM HUP
  trap - EXIT
  if $UNSETTLED; then
    warn 'putting things in order; this takes a moment …'
    pin "${POOL[@]}"
    settle
  fi
  exit "$status"
}

guard_order() {
  trap put_in_order EXIT
  trap 'warn "interrupted"; exit 130' INT
  trap 'warn "interrupted"; exit 143' TERM HUP
}

# Nobody but the healthy from here on. A replica that serves nobody anyway goes.
pin_healthy() {
  local id all healthy=() rest=()
  mapfile -t all < <(containers app)
  for id in "${all[@]}"; do
    if is_ready_soon "$id"; then healthy+=("$id"); else rest+=("$id"); fi
  done
  ((${#healthy[@]} > 0)) || die "$EX_UNAVAILABLE" "no server of $PROJECT is ready, so there is nothing to keep up: docker compose -f docker-compose.prod.yml up -d"
  guard_order
  pin "${healthy[@]}"
  if ((${#rest[@]} > 0)); then
    say "removing ${#rest[@]} that are not ready"
    remove "${rest[@]}"
  fi
}

config_of() { about '{{.Image}} {{index .Config.Labels "com.docker.compose.config-hash"}}' "$1"; }

# Every replica that is not what compose would make of IMAGE now is replaced, BATCH at a time.
roll() { # IMAGE BATCH PATIENCE FORCE
  local image=$1 batch=$2 patience=$3 force=$4 count id wanted found old=() new=() b leaving
  mapfile -t found < <(containers app)
  count=${#found[@]}
  if [[ $(pool_state) =~ ^(pinned|settling)\ ([0-9]+)$ ]]; then
    count=${BASH_REMATCH[2]}
    say "a release was killed; going on from where it is"
  fi
  pin_healthy
  # Made, not started: what compose would make of this image and today's settings.
  make_replicas app "$image" "$((${#POOL[@]} + 1))"
  wanted=$(config_of "${MADE[0]}")
  for id in "${POOL[@]}"; do
    if ! $force && [[ $(config_of "$id") == "$wanted" ]]; then new+=("$id"); else old+=("$id"); fi
  done
  if ((${#old[@]} == 0 && ${#new[@]} >= count)); then
    say "every replica runs $image with today's settings already"
    return 0
  fi
  while ((${#old[@]} > 0 || ${#new[@]} < count)); do
    b=$((count - ${#new[@]}))
    ((b <= batch)) || b=$batch
    if ((b > 0)); then start_batch "$image" "$b" "$patience"; else ADDED=(); fi
    new+=("${ADDED[@]}")
    # Where all are there, whoever is left of before goes.
    ((${#new[@]} < count)) || b=${#old[@]}
    leaving=("${old[@]:0:b}")
    old=("${old[@]:${#leaving[@]}}")
    pin "${new[@]}" "${old[@]}"
    remove "${leaving[@]}"
    say "${#new[@]} of $count on $image"
  done
}

# Containers that are not in the pool yet, ready: in ADDED.
ADDED=()
start_batch() { # IMAGE COUNT PATIENCE
  # What was made before is among them.
  make_replicas app "$1" "$((${#POOL[@]} + $2))"
  mapfile -t ADDED < <(comm -23 <(containers app | sort) <(printf '%s\n' "${POOL[@]}" | sort))
  quietly docker start "${ADDED[@]}" || give_up "$1"
  say "started ${#ADDED[@]} on $1"
  wait_ready "$3" "${ADDED[@]}" || give_up "$1"
}

give_up() { # IMAGE
  local id
  for id in "${ADDED[@]}"; do show_log "$id"; done
  die "$EX_FAILED" "$1 is not fit to serve: it got no request, and is taken away; the ${#POOL[@]} servers of before go on"
}
