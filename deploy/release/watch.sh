# shellcheck shell=bash
# shellcheck disable=SC2034  # REASON is for the script that sources this
# What people get from the two sides, as nginx logs it, and whether the new one is worse: sourced by green.sh.

REQUESTS=
FOLLOWER=
REASON=

# One line for each request that a server was asked for: side, 1 where it went wrong, seconds. A request that another
# server had to save counts as wrong: people were lucky.
# shellcheck disable=SC2016  # awk's, not the shell's
readonly SHORTEN='
function value(name,  at, rest) {
  at = index($0, "\"" name "\":")
  if (at == 0) return ""
  rest = substr($0, at + length(name) + 3)
  if (substr(rest, 1, 1) == "\"") { rest = substr(rest, 2); return substr(rest, 1, index(rest, "\"") - 1) }
  match(rest, /^[0-9.]+/)
  return substr(rest, 1, RLENGTH)
}
/^\{/ {
  if (value("upstream") == "" || value("pool") == "") next
  print value("pool"), (value("status") >= 500 || value("upstream_status") ~ /5[0-9][0-9]/) ? 1 : 0, value("seconds")
}'

follow_requests() {
  REQUESTS=$(mktemp -d)
  : >"$REQUESTS/short"
  # Ends by itself where this script is killed.
  timeout 6h docker logs -f --tail 0 "$NGINX" >"$REQUESTS/log" 2>/dev/null 9>&- &
  FOLLOWER=$!
}

stop_following() {
  [[ -z $FOLLOWER ]] || kill "$FOLLOWER" 2>/dev/null || true
  [[ -z $REQUESTS ]] || rm -rf "$REQUESTS"
  FOLLOWER=
  REQUESTS=
}

# Shortens what has come since the last time. A line that is still being written waits.
take_in() {
  local taken there
  taken=$(cat "$REQUESTS/taken" 2>/dev/null || echo 0)
  there=$(wc -l <"$REQUESTS/log")
  awk "$SHORTEN" < <(tail -n "+$((taken + 1))" "$REQUESTS/log" | head -n "$((there - taken))") >>"$REQUESTS/short"
  echo "$there" >"$REQUESTS/taken"
}

requests_seen() {
  take_in
  wc -l <"$REQUESTS/short"
}

# "requests faults p95" of blue, then of green, from shortened lines on standard input.
tally() {
  sort -k 1,1 -k 3,3n | awk '
    { n[$1]++; faults[$1] += $2; times[$1, n[$1]] = $3 }
    function of(side,  at) {
      at = int(n[side] * 0.95 + 0.999)
      return sprintf("%d %d %.3f", n[side], faults[side], n[side] ? times[side, at] : 0)
    }
    END { print of("blue"), of("green") }'
}

# "worse …", "few" or "fine". Below ENOUGH requests the share of faults is taken of ENOUGH, and less than three faults are
# never a verdict: anybody may stumble, but many faults are one at once.
judge() { # ENOUGH MAX_ERRORS MAX_SLOWER, then what tally says
  awk -v enough="$1" -v max_errors="$2" -v max_slower="$3" -v bn="$4" -v be="$5" -v bp="$6" -v gn="$7" -v ge="$8" -v gp="$9" 'BEGIN {
    before = bn ? 100 * be / bn : 0
    now = 100 * ge / (gn > enough ? gn : (enough ? enough : 1))
    if (ge >= 3 && now > before + max_errors) {
      printf "worse: %d of %d requests to the new image went wrong, %d of %d to the former one\n", ge, gn, be, bn
    } else if (gn >= enough && bn >= enough && enough && gp > bp * max_slower + 0.25) {
      printf "worse: 95 of 100 requests take the new image up to %d ms, the former one %d ms\n", gp * 1000, bp * 1000
    } else print (gn < enough ? "few" : "fine")
  }'
}

# Returns 1, with the REASON, as soon as the new side is worse. NEEDED: so many requests are waited for, ten times as long
# as SECONDS at most.
watch_green() { # SECONDS ENOUGH NEEDED MAX_ERRORS MAX_SLOWER FROM
  local began=$SECONDS longest=$(($1 * 10)) figures verdict told=$SECONDS
  ((longest >= 60)) || longest=60
  while :; do
    take_in
    read -r -a figures < <(tail -n "+$(($6 + 1))" "$REQUESTS/short" | tally)
    verdict=$(judge "$2" "$4" "$5" "${figures[@]}")
    if [[ $verdict == worse* ]]; then
      REASON=${verdict#worse: }
      return 1
    fi
    if ((SECONDS - began >= $1 && figures[3] >= $3)); then break; fi
    if ((SECONDS - began >= longest)); then
      REASON="only ${figures[3]} requests came to the new image in $longest s: too few to judge it by (--enough)"
      return 1
    fi
    if ((SECONDS - told >= 15)); then
      say "  ${figures[3]} requests to the new image, ${figures[4]} wrong; ${figures[0]} to the former one, ${figures[1]} wrong"
      told=$SECONDS
    fi
    sleep 1
  done
  say "  well: ${figures[3]} requests, ${figures[4]} wrong, 95 % within ${figures[5]} s; the former image ${figures[0]}, ${figures[1]}, ${figures[2]} s"
}
