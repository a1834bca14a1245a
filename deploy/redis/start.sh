#!/bin/sh
# Writes Redis's users from the secrets, as hashes, and starts it. Runs inside the container, before the server.
set -eu
umask 077
users=/run/redis/users.acl

missing=
for name in redis_password redis_monitor_password; do
  [ -s "/run/secrets/$name" ] || missing="$missing /run/secrets/$name"
done
if [ -n "$missing" ]; then
  echo "redis: missing or empty:$missing. Run ./make-secrets.sh and start again." >&2
  exit 78
fi

# Without the line break at its end, as the server reads it.
hash_of() { printf '%s' "$(cat "/run/secrets/$1")" | sha256sum | cut -d ' ' -f 1; }

# default: nobody, since it is off and has no password. It keeps its rights all the same, because Redis reads the append-only
# file as this user: without them whatever a script wrote would be dropped at the next start (redis/redis#14541).
# auth: strings under auth:, their lifetimes, scripts over them, messages. monitor: figures, no values.
cat > "$users" << ACL
user default off resetpass allkeys allchannels +@all
user auth on #$(hash_of redis_password) resetkeys ~auth:* resetchannels &auth:* -@all +@connection +@string +del +unlink +exists +expire +pexpire +ttl +pttl +@transaction +@pubsub +eval +evalsha +script|load -@admin -@dangerous
user monitor on #$(hash_of redis_monitor_password) resetkeys resetchannels -@all +@connection -@admin -@dangerous +info +ping +dbsize +client|list +config|get +latency|latest +latency|histogram +slowlog|len +slowlog|get +acl|log +acl|whoami
ACL
exec "$@"
