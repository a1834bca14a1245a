# shellcheck shell=bash
# What the release scripts share: sourced, never run. Takes bash, coreutils, util-linux, awk, docker and compose v2.
# shellcheck disable=SC2034  # the names here are for the scripts that source this

umask 077
export LC_ALL=C

readonly EX_FAILED=1 EX_USAGE=64 EX_UNAVAILABLE=69 EX_IO=74 EX_BUSY=75 EX_CONFIG=78
readonly EXIT_CODES='Exit codes: 0 done, 1 refused or rolled back, 64 usage, 69 docker, an image or nginx cannot be had, 74 the disk,
75 another release is under way, 78 the stack is not set up.'

PROGRAM=${0##*/}
DEPLOY=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
LIVE=$DEPLOY/nginx/live
PROJECT=
NGINX=
BEGAN=$SECONDS

say() { printf '%3ds  %s\n' "$((SECONDS - BEGAN))" "$*"; }
warn() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; }
die() {
  local code=$1
  shift
  warn "$*"
  exit "$code"
}

# The shell's own APP_IMAGE would overrule .env in every compose command: here each command is told its image.
SHELL_IMAGE=${APP_IMAGE:-}
unset APP_IMAGE GREEN_IMAGE

# With COMPOSE_FILE the stack may have files of its own beside ours.
compose() {
  local files=(-f docker-compose.prod.yml)
  [[ -z ${COMPOSE_FILE:-} ]] || files=()
  (cd "$DEPLOY" && exec docker compose "${files[@]}" "$@" 9>&-)
}

# Compose's own progress is noise beside ours: it is shown where the command fails.
quietly() {
  local output
  if output=$("$@" 2>&1); then return 0; fi
  printf '%s\n' "$output" | tail -n 15 >&2
  return 1
}

# ---- what is asked for

# An image whose name will mean the same tomorrow: with a tag that is not latest, or with a digest.
require_image_name() {
  local name=$1 last=${1##*/}
  if ! [[ $name =~ ^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$ ]]; then die "$EX_USAGE" "$name is not the name of an image"; fi
  if [[ $name == *@sha256:* ]]; then return 0; fi
  if [[ $last != *:* || ${last##*:} == latest ]]; then
    die "$EX_USAGE" "$name can mean another image tomorrow: give it a tag of its own, such as ${name%%:*}:1.4.2, or a digest (…@sha256:…)"
  fi
}

require_number() { # OPTION VALUE LEAST MOST
  if ! [[ $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then
    die "$EX_USAGE" "$1 takes a whole number from $3 to $4, not \"$2\""
  fi
}

# Seconds from 90, 90s or 2m.
seconds_of() { # OPTION VALUE
  if ! [[ $2 =~ ^([0-9]{1,5})([sm]?)$ ]]; then die "$EX_USAGE" "$1 takes seconds or minutes, such as 60s or 5m, not \"$2\""; fi
  if [[ ${BASH_REMATCH[2]} == m ]]; then echo $((10#${BASH_REMATCH[1]} * 60)); else echo $((10#${BASH_REMATCH[1]})); fi
}

# ---- the stack

find_stack() {
  local program config
  for program in docker awk flock; do
    command -v "$program" >/dev/null || die "$EX_UNAVAILABLE" "$program is not installed"
  done
  docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
    die "$EX_UNAVAILABLE" 'the Docker engine does not answer: is it running, and may this user reach it?'
  [[ -s $LIVE/pool.conf && -s $LIVE/server_name.conf ]] || die "$EX_CONFIG" "$LIVE is not set up: run $DEPLOY/prepare.sh first"
  config=$(compose config 2>&1) || die "$EX_CONFIG" "compose does not take the stack's settings: ${config##*$'\n'}"
  PROJECT=$(sed -n 's/^name: *//p' <<<"$config" | sed -n 1p)
  find_nginx
}

# Finds the stack and holds the lock until the script ends; 9 is closed for what may outlive it.
open_stack() {
  find_stack
  [[ -w $LIVE && -w $DEPLOY ]] || die "$EX_IO" "$DEPLOY cannot be written by this user"
  exec 9>"$LIVE/.lock" || die "$EX_IO" "$LIVE/.lock cannot be written by this user"
  flock -w 5 9 || die "$EX_BUSY" "another release of $PROJECT is under way (release/status.sh shows where it is)"
  if [[ -n $SHELL_IMAGE && $SHELL_IMAGE != "$(setting APP_IMAGE)" ]]; then
    warn "note: APP_IMAGE=$SHELL_IMAGE is set in this shell and overrules .env in your own compose commands: unset it"
  fi
}

find_nginx() {
  NGINX=$(docker ps -q --no-trunc --filter "label=com.docker.compose.project=$PROJECT" \
    --filter label=com.docker.compose.service=nginx --filter label=com.docker.compose.oneoff=False | sed -n 1p)
  [[ -n $NGINX ]] || die "$EX_UNAVAILABLE" "nginx of $PROJECT is not running: docker compose -f docker-compose.prod.yml up -d"
}

# The containers of a service, oldest first, whatever state they are in.
containers() { # SERVICE
  docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$PROJECT" \
    --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False | tac
}

about() { # FORMAT CONTAINER
  docker inspect -f "$1" "$2" 2>/dev/null
}

name_of() { about '{{.Name}}' "$1" | tr -d /; }
image_of() { about '{{.Config.Image}}' "$1"; }
image_id_of() { about '{{.Image}}' "$1"; }
address_of() { about "{{with index .NetworkSettings.Networks \"${PROJECT}_front\"}}{{.IPAddress}}{{end}}" "$1"; }

# What nginx gets from it, at once: 200, or 000 where nothing answers.
asked_by_nginx() { # CONTAINER PATH
  docker exec "$NGINX" curl -s -o /dev/null -m 3 -w '%{http_code}' -H 'X-Forwarded-Proto: https' "http://$(address_of "$1"):3000$2" 2>/dev/null || true
}

is_ready() { # CONTAINER
  [[ $(about '{{.State.Status}}' "$1") == running ]] && [[ $(asked_by_nginx "$1" "$(told READY_CHECK_PATH /ready)") == 200 ]]
}

# One that is busy for a moment is not taken for dead.
is_ready_soon() {
  local tries
  for tries in 1 2 3 4 5 6; do
    if is_ready "$1"; then return 0; fi
    [[ $(about '{{.State.Status}}' "$1") == running ]] || return 1
    sleep "$tries"
  done
  return 1
}

# What .env.production says about the server.
told() { # NAME DEFAULT
  local value
  value=$(sed -nE "s/^$1=[\"']?([^\"']+).*/\1/p" "$DEPLOY/.env.production" 2>/dev/null | tail -n 1)
  echo "${value:-$2}"
}

# Ready is not enough: a few requests of every kind must be answered as they should be.
wait_ready() { # PATIENCE CONTAINER…
  local patience=$1 id end
  shift
  for id; do
    end=$((SECONDS + patience))
    until is_ready "$id"; do
      # Docker starts it again where it ends; twice may be a database that was busy, thrice is the image.
      if (($(about '{{.RestartCount}}' "$id" || echo 3) > 2)); then
        warn "$(name_of "$id") ($(image_of "$id")) does not start"
        return 1
      fi
      if ((SECONDS >= end)); then
        warn "$(name_of "$id") ($(image_of "$id")) was not ready within $patience s"
        return 1
      fi
      sleep 0.5
    done
    is_sound "$id" || return 1
  done
}

is_sound() { # CONTAINER
  local path wanted status
  while read -r path wanted; do
    status=$(asked_by_nginx "$1" "$path")
    if ! [[ $status =~ ^($wanted)$ ]]; then
      warn "$(name_of "$1") ($(image_of "$1")) answers $status to GET $path"
      return 1
    fi
  done <<SOUND
$(told HEALTH_CHECK_PATH /health) 200
/.well-known/jwks.json 200
$(told API_PREFIX /api/v1)/me 401|429
SOUND
}

# Makes containers, in MADE, until the service has COUNT, and starts none. With its dependencies in view, although none is
# touched: what compose makes under --no-deps counts as changed for the next plain `up`, which would replace it.
MADE=()
make_replicas() { # SERVICE IMAGE COUNT
  local before faults
  before=$(containers "$1" | sort)
  faults=$(APP_IMAGE=$2 GREEN_IMAGE=$2 compose --profile green create --no-build --no-recreate --scale "$1=$3" "$1" 2>&1) || {
    printf '%s\n' "$faults" | tail -n 15 >&2
    die "$EX_FAILED" "compose could not make a container of $2 (lines above)"
  }
  mapfile -t MADE < <(comm -13 <(printf '%s\n' "$before") <(containers "$1" | sort))
  # The next plain `up` would find a migrate container of another image, replace it, and every server that depends on it.
  # One that is missing is simply made.
  containers migrate | xargs -r docker rm >/dev/null 2>&1 || true
}

# With SIGTERM, and the time to drain that compose gave it.
remove() { # CONTAINER…
  (($# > 0)) || return 0
  docker stop "$@" >/dev/null 2>&1 9>&- || true
  docker rm -f -v "$@" >/dev/null 2>&1 || true
}

# Its last lines, for whoever has to find out why. The server writes no secret into its log.
show_log() { # CONTAINER
  warn "the last lines of $(name_of "$1"):"
  docker logs --tail 12 "$1" 2>&1 | cut -c 1-400 | sed 's/^/    /' >&2
}

# ---- images

have_image() {
  docker image inspect "$1" >/dev/null 2>&1 || {
    say "fetching $1"
    quietly docker pull -q "$1" || die "$EX_UNAVAILABLE" "$1 is neither on this machine nor to be had from its registry"
  }
}

id_of_image() { docker image inspect -f '{{.Id}}' "$1" 2>/dev/null; }

# The image that a container runs, by a name that still means it. A build that took over its tag leaves it nameless, and
# what has no name is pruned: it gets one.
lasting_name() { # CONTAINER
  local name id kept
  name=$(image_of "$1")
  id=$(image_id_of "$1")
  if [[ $(id_of_image "$name") == "$id" ]]; then
    echo "$name"
    return 0
  fi
  kept=${name%%@*}
  if [[ ${kept##*/} == *:* ]]; then kept=${kept%:*}; fi
  kept+=:was-${id:7:12}
  docker tag "$id" "$kept"
  echo "$kept"
}

# What runs besides IMAGE, for the way back; where nothing does, what .env says.
former_image() { # IMAGE
  local id wanted
  wanted=$(id_of_image "$1")
  for id in $(containers app); do
    if [[ $(image_id_of "$id") != "$wanted" ]]; then
      lasting_name "$id"
      return 0
    fi
  done
  setting APP_IMAGE
}

migrate() { # IMAGE
  say "migrating the database with $1"
  if ! APP_IMAGE=$1 quietly compose run --rm --no-deps -T migrate </dev/null; then
    die "$EX_FAILED" 'the migration failed (lines above) and was undone: nothing was changed, the servers go on as before'
  fi
}

# ---- .env: what `docker compose up` takes for granted

setting() { # NAME
  [[ -f $DEPLOY/.env ]] || return 0
  sed -nE "s/^$1=[\"']?([^\"']*)[\"']?\$/\1/p" "$DEPLOY/.env" | tail -n 1
}

# Written aside and renamed: it is never half.
keep_settings() { # NAME=VALUE…; an empty value takes the line away
  local pair file=$DEPLOY/.env aside=$DEPLOY/.env.new.$$
  { [[ ! -f $file ]] || cat "$file"; } >"$aside" || die "$EX_IO" "$aside cannot be written"
  for pair; do
    sed -i "/^${pair%%=*}=/d" "$aside"
    [[ -z ${pair#*=} ]] || printf '%s\n' "$pair" >>"$aside"
  done
  if [[ -f $file ]]; then chmod --reference="$file" "$aside"; else chmod 644 "$aside"; fi
  mv -f "$aside" "$file" || die "$EX_IO" "$file cannot be written"
}

# The declared state after a release: a compose command or a reboot changes nothing.
keep_image() { # NEW FORMER
  if [[ -z $2 || $1 == "$2" ]]; then keep_settings "APP_IMAGE=$1"; else keep_settings "APP_IMAGE=$1" "APP_IMAGE_PREVIOUS=$2"; fi
}
