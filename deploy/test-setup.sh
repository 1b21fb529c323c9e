#!/usr/bin/env bash
# Installs what the whole test suite needs on Debian or Ubuntu, or says what is missing elsewhere.
set -euo pipefail
if [ "$(id -u)" != 0 ]; then
	cat >&2 <<-'TEXT'
	make test needs root: it makes network namespaces with real hosts' tables, and runs a Docker engine.
	    sudo make test     runs everything
	    make unit          runs the tests that need neither root nor Docker (under two minutes)
	TEXT
	exit 1
fi
missing=()
command -v dockerd >/dev/null || missing+=(docker.io)
command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || missing+=(docker-compose)
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
[ -x /bin/busybox ] || missing+=(busybox-static)
command -v iptables >/dev/null || missing+=(iptables)
command -v nft >/dev/null || missing+=(nftables)
command -v curl >/dev/null || missing+=(curl)
[ -x /usr/lib/systemd/systemd ] || missing+=(systemd)
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "make test needs ${missing[*]} (Debian's names): install them, then run it again" >&2
	exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
