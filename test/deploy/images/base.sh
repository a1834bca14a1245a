#!/usr/bin/env bash
# A minimal Debian as an image: base.sh SUITE TAG. Takes the machine's own package sources, rewritten for the suite.
set -euo pipefail
suite=$1 tag=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=/dev/null
here=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
bundle=/etc/ssl/certs/ca-certificates.crt
sources=/etc/apt/sources.list.d/debian.sources
[ -e "$sources" ] || sources=/etc/apt/sources.list
sed -E "s/\b$here\b/$suite/g" "$sources" > "$work/list.${sources##*.}"
# A suite that is not released yet has no security or updates suite.
if [ "$suite" = forky ] && [ "$here" != forky ]; then
  sed -E -i "s/ $suite-(updates|backports)//g; s/\b$suite-security\b/$suite/; s#debian-security/?\$#debian#" "$work/list.${sources##*.}"
fi
# shellcheck disable=SC2016 # the hooks run in mmdebstrap's own shell, where $1 is the new root
# The machine's certificates are in it, so that packages can be had from inside a build as from outside.
mmdebstrap --quiet --variant=minbase --include=ca-certificates \
  --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook="cp $bundle \"\$1$bundle\"" \
  --customize-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d"' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
  "$suite" "$work/root.tar" "$work/list.${sources##*.}" 2> "$work/log" || { sed -E 's#https?://[^ ]+#…#g' "$work/log" >&2; exit 1; }
docker import --change 'CMD ["bash"]' --change 'LABEL standin="debian '"$suite"'"' "$work/root.tar" "$tag" > /dev/null
