# shellcheck shell=bash
# The second colour: app-green beside app. Sourced by blue-green.sh and canary.sh.

# shellcheck source=pool.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/pool.sh"
# shellcheck source=watch.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/watch.sh"

# Whether green goes when the script ends.
GOES_BACK=false

profiles_with_green() {
  local now
  now=$(setting COMPOSE_PROFILES)
  case ",$now," in *,green,*) echo "$now" ;; *) echo "${now:+$now,}green" ;; esac
}

profiles_without_green() {
  setting COMPOSE_PROFILES | tr , '\n' | { grep -vx green || true; } | paste -sd , -
}

guard_green() { # whether it goes back
  GOES_BACK=$1
  trap end_green EXIT
  trap 'warn "interrupted"; exit 130' INT
  trap 'warn "interrupted"; exit 143' TERM HUP
}

end_green() {
  local status=$?
  trap '' INT TERM HUP
  trap - EXIT
  stop_following
  if $GOES_BACK; then
    GOES_BACK=false
    warn 'going back to the former image'
    close_green
  elif ((status != 0)) && [[ $(pool_state) == split* ]]; then
    warn "$(setting GREEN_IMAGE) has $(pool_state | cut -d ' ' -f 2) % of the clients as before: finish again, or back"
  fi
  exit "$status"
}

require_blue() {
  case "$(pool_state)" in
    blue) ;;
    split*) die "$EX_FAILED" "$(setting GREEN_IMAGE) is beside the former image already ($(pool_state)): finish or back first" ;;
    *) die "$EX_FAILED" 'a rolling release was killed: finish it with rolling.sh, or end it with pool.sh --reset' ;;
  esac
}

require_green() {
  [[ $(pool_state) == split* ]] || die "$EX_FAILED" "no blue-green or canary release of $PROJECT is open"
}

# As many green servers as blue ones, ready, answering as they should, known to nginx, and asked by nobody.
open_green() { # IMAGE PATIENCE
  local blue green
  mapfile -t blue < <(containers app)
  ((${#blue[@]} > 0)) || die "$EX_UNAVAILABLE" "no server of $PROJECT runs: docker compose -f docker-compose.prod.yml up -d"
  guard_green true
  mapfile -t green < <(containers app-green)
  remove "${green[@]}"
  keep_settings "APP_IMAGE=$(lasting_name "${blue[0]}")" "GREEN_IMAGE=$1" "COMPOSE_PROFILES=$(profiles_with_green)"
  say "starting ${#blue[@]} of $1 beside ${#blue[@]} of $(image_of "${blue[0]}")"
  start_all app-green "$1" "${#blue[@]}" "$2" || die "$EX_FAILED" "$1 is not fit to serve; it got no request"
  publish split 0
  sleep 2
  through_nginx "$(told HEALTH_CHECK_PATH /health)"
  through_nginx /.well-known/jwks.json
}

# So many new containers of a service that has none.
start_all() { # SERVICE IMAGE COUNT PATIENCE
  make_replicas "$1" "$2" "$3"
  if quietly docker start "${MADE[@]}" && wait_ready "$4" "${MADE[@]}"; then return 0; fi
  show_log "${MADE[0]}"
  return 1
}

# As a tester: with the header that chooses green.
through_nginx() { # PATH
  local name status
  name=$(sed -nE 's/^server_name +([^ ;]+).*/\1/p' "$LIVE/server_name.conf" | sed -n 1p)
  status=$(docker exec "$NGINX" curl -sk -o /dev/null -m 5 -w '%{http_code}' -H 'X-Canary: always' \
    --resolve "$name:8443:127.0.0.1" "https://$name:8443$1") || true
  [[ $status == 200 ]] || die "$EX_FAILED" "through nginx the new image answers $status to GET $1; it got no other request"
}

# Where a finish was cut off, the service app may be neither the one nor the other, or not there at all.
mend_blue() { # PATIENCE
  local id blue green image wanted whole=true
  [[ $(pool_state) == 'split 100' ]] || return 0
  image=$(setting APP_IMAGE)
  wanted=$(id_of_image "$image")
  mapfile -t blue < <(containers app)
  mapfile -t green < <(containers app-green)
  for id in "${blue[@]}"; do
    if [[ $(image_id_of "$id") != "$wanted" ]] || ! is_ready_soon "$id"; then whole=false; fi
  done
  if $whole && ((${#blue[@]} > 0)); then return 0; fi
  say "bringing the service app back to $image first"
  remove "${blue[@]}"
  start_all app "$image" "${#green[@]}" "$1" || die "$EX_FAILED" 'the former image is not fit to serve; nobody was switched'
  sleep 2
}

# Everyone to blue, then green goes.
close_green() {
  local green
  GOES_BACK=false
  publish blue
  say "everyone is on $(image_of "$(containers app | sed -n 1p)")"
  mapfile -t green < <(containers app-green)
  remove "${green[@]}"
  keep_settings GREEN_IMAGE= "COMPOSE_PROFILES=$(profiles_without_green)"
}

# The service app gets the new image while it has no requests, takes over, and green goes.
finish_green() { # PATIENCE
  local image former blue green count
  image=$(setting GREEN_IMAGE)
  [[ -n $image ]] || die "$EX_CONFIG" "GREEN_IMAGE is missing in $DEPLOY/.env: which image is on green?"
  former=$(setting APP_IMAGE)
  [[ $(pool_state) == 'split 100' ]] || publish split 100
  guard_green false
  say "updating the service app to $image; green has everyone meanwhile"
  mapfile -t blue < <(containers app)
  mapfile -t green < <(containers app-green)
  # As many as green has: a finish that was cut off may have left fewer.
  count=${#green[@]}
  remove "${blue[@]}"
  start_all app "$image" "$count" "$1" || die "$EX_FAILED" 'the service app could not be updated; green goes on serving everyone'
  keep_image "$image" "$former"
  # A name that nginx has known for a moment has no gap.
  sleep 2
  close_green
}
