#!/usr/bin/env bash
# Unpacks real shippers from Debian's packages into a folder, without installing them: rsyslog and syslog-ng cannot be
# installed together.
# usage: tests/clients/packages.sh FOLDER
set -euo pipefail
folder=$1
packages=(
  rsyslog rsyslog-elasticsearch rsyslog-kafka rsyslog-gnutls syslog-ng-core syslog-ng-mod-http systemd-journal-remote kcat
  libivykis0 libnet1 libwrap0 libmicrohttpd12 libpcre3 librdkafka1 libestr0 libfastjson4 liblognorm5 libyajl2 libserdes1 libavro23 libsnappy1v5 libjansson4
)
if [ -e "$folder/.complete" ]; then exit 0; fi
command -v apt-get >/dev/null || { echo "no apt-get: no shippers"; exit 1; }
rm -rf "$folder"
mkdir -p "$folder/deb"
cd "$folder/deb"
apt-get update -qq >/dev/null 2>&1 || true
for package in "${packages[@]}"; do
  apt-get download -qq "$package" >/dev/null 2>&1 || echo "no package $package"
done
for file in ./*.deb; do dpkg -x "$file" ..; done
cd ..
rm -r deb
touch .complete
