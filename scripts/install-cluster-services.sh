#!/usr/bin/env bash
# Installs, from Debian's packages, the servers that `npm run test:cluster` starts on this machine: PostgreSQL, and OpenStack
# Swift with memcached, which speaks S3. Nothing is left running:
# the tests start servers of their own, in temporary folders.
# May be run again: what is there is left as it is. Needs root, or sudo.
set -euo pipefail

packages=(postgresql memcached swift-proxy swift-account swift-container swift-object)
missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "installed already: ${packages[*]}"
  exit 0
fi

as_root=()
((EUID == 0)) || as_root=(sudo)
# Services are not started while they are installed, and a cluster of the machine's own is not made.
"${as_root[@]}" mkdir -p /etc/postgresql-common
[[ -e /etc/postgresql-common/createcluster.conf ]] ||
  echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
"${as_root[@]}" apt-get -q update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qy install --no-install-recommends "${missing[@]}"
echo "installed: ${missing[*]}"
