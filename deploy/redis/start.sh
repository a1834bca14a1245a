#!/bin/sh
# Writes Redis's users from the secrets, as hashes, and starts it. Runs inside the container, before the server.
set -eu
users=/run/redis/users.acl
umask 077

hash_of() {
  file=/run/secrets/$1
  if [ ! -s "$file" ]; then
    echo "redis: $file is missing or empty: run ./make-secrets.sh and start again." >&2
    exit 78
  fi
  printf '%s' "$(cat "$file")" | sha256sum | cut -d ' ' -f 1
}

auth=$(hash_of redis_password)
monitor=$(hash_of redis_monitor_password)
cat > "$users" << ACL
user default off
user auth on #$auth resetkeys ~auth:* resetchannels &auth:* -@all +@connection +@read +@write +@transaction +@pubsub +eval +evalsha +script|load -@dangerous -keys
user monitor on #$monitor resetkeys resetchannels -@all +@connection +info +ping +latency|latest +slowlog|len +slowlog|get +config|get +client|list +dbsize
ACL
exec "$@"
