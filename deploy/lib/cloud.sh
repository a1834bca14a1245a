# shellcheck shell=bash
# What the scripts of aws/, gcp/ and azure/ share. Sourced, never run.
#
# Exit codes: 64 wrong call, 69 a needed program or service is not there, 78 a variable is missing or wrong, 1 failed.

umask 077
dry_run=false
faults=()
# Output of commands goes to this descriptor, so that a command inside $( ) is still shown.
exec 3>&1

say() { printf '%s\n' "$*" >&2; }

# For what has been done: a dry run has done nothing.
told() { [[ $dry_run == true ]] || say "$@"; }

fail() {
  local status=$1
  shift
  say "${0##*/}: $*"
  exit "$status"
}

# require NAME PATTERN MEANING: notes a fault; `settle` tells all of them at once.
require() {
  local value=${!1:-}
  if [[ -z $value ]]; then
    faults+=("$1 is not set; expected: $3")
  elif ! [[ $value =~ ^($2)$ ]]; then
    faults+=("$1 has the wrong form; expected: $3")
  fi
}

# A tag that moves would make a roll-back deploy what it came from.
require_image() {
  require "$1" '[^[:space:]]+' "$2"
  local value=${!1:-} last
  last=${value##*/}
  if [[ -n $value && ( $last == *:latest || $last != *[:@]* ) ]]; then
    faults+=("$1 names no version; expected: an image with a digest, or with a tag other than latest")
  fi
}

require_program() {
  if [[ $dry_run == false ]] && ! command -v "$1" >/dev/null; then
    fail 69 "$1 is not installed; $2"
  fi
}

settle() {
  ((${#faults[@]})) || return 0
  say "${0##*/}: ${#faults[@]} of the variables cannot be used:"
  printf '  %s\n' "${faults[@]}" >&2
  exit 78
}

show() {
  local text
  printf -v text '%q ' "$@"
  if [[ $dry_run == true ]]; then printf '%s\n' "${text% }" >&3; else say "+ ${text% }"; fi
}

# Shows a command and, except in a dry run, runs it.
run() {
  show "$@"
  [[ $dry_run == true ]] || "$@"
}

# ask STAND_IN COMMAND…: the command's output; in a dry run the stand-in, and nothing is asked.
ask() {
  local stand_in=$1
  shift
  show "$@"
  if [[ $dry_run == true ]]; then printf '%s\n' "$stand_in"; else "$@"; fi
}

# fill FILE NAME…: the text of the file with ${NAME} replaced; what is left over stops the script.
fill() {
  local text name value
  text=$(<"$1")
  local file=$1
  shift
  for name in "$@"; do
    value=${!name}
    [[ $value != *[\"\\]* && $value != *$'\n'* ]] || fail 78 "$name has a quote, a backslash or a line break in it"
    text=${text//"\${$name}"/"$value"}
  done
  if [[ $text =~ \$\{[A-Z_]+\} ]]; then fail 78 "$file still holds ${BASH_REMATCH[0]}"; fi
  printf '%s\n' "$text"
}

# A folder for files with secrets in them: only this user reads it, and it goes away with the script.
scratch_folder() {
  scratch=$(mktemp -d)
  trap 'rm -rf -- "$scratch"' EXIT
}

# A new random value for the secret of that name, without a line break; openssl's own argv holds nothing secret.
new_value() {
  case $1 in
    encryption-key) openssl rand -base64 32 | tr -d '\n' ;;
    *) openssl rand -hex 32 | tr -d '\n' ;;
  esac
}

# The lists: the first value is used, all are accepted (docs/guides/secrets.md).
readonly list_secrets=(jwt-refresh-secret session-secret csrf-secret encryption-key)

is_list_secret() {
  local name
  for name in "${list_secrets[@]}"; do [[ $1 == "$name" ]] && return 0; done
  return 1
}

# in_front OLD_FILE NEW_FILE NAME: writes the new value, a comma and the old list. No value is ever an argument.
in_front() {
  [[ -n $(tr -d '[:space:]' <"$1") ]] || fail 69 "the store gave nothing for $3; nothing was changed"
  new_value "$3" >"$2"
  printf ',' >>"$2"
  tr -d '\r\n' <"$1" >>"$2"
}

# first_only OLD_FILE NEW_FILE: keeps what is in front of the first comma; 1 where there is nothing to take away.
first_only() {
  local text
  text=$(tr -d '\r\n' <"$1")
  [[ $text == *,* ]] || return 1
  printf '%s' "${text%%,*}" >"$2"
}

# Takes the options that every script has; what is left stands in `words`.
words=()
read_options() {
  local word
  for word in "$@"; do
    case $word in
      --dry-run) dry_run=true ;;
      --help | -h) usage; exit 0 ;;
      -*) usage >&2; fail 64 "unknown option $word" ;;
      *) words+=("$word") ;;
    esac
  done
}
