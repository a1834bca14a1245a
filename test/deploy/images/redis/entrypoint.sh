#!/bin/sh
# Drops root for the server, as the public image does; options alone, or a file's name, go to the server.
set -eu
case "${1:-}" in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  chown -R redis:redis /data
  exec setpriv --reuid redis --regid redis --clear-groups "$@"
fi
exec "$@"
