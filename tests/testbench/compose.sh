#!/usr/bin/env bash
# Fetches Docker Compose v2 from Debian 13 (Debian 12 has 1.29 only) for use with
#   DOCKER_CONFIG=.cache/testbench/docker-config docker compose …
# Neither this machine's apt sources nor the user's own ~/.docker are changed.
set -euo pipefail
# shellcheck source=tests/testbench/paths.sh
source "$(dirname "$0")/paths.sh"

suite=trixie
mirror=http://deb.debian.org/debian
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
apt=$bench/apt-$suite
plugin=$bench/docker-config/cli-plugins/docker-compose

# An apt that knows one suite and writes nowhere but below $apt.
foreign_apt() {
    apt-get -qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$apt/state" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root "$@"
}

fetch() {
    say "fetching docker-compose from Debian $suite"
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$apt/sources.list"
    foreign_apt update
    (cd "$apt" && foreign_apt download docker-compose)
    dpkg -x "$apt"/docker-compose_*.deb "$apt/unpacked"
    mkdir -p "$(dirname "$plugin")"
    cp "$apt/unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$plugin"
    rm -rf "$apt"
}

[[ -x $plugin ]] || fetch
DOCKER_CONFIG=$bench/docker-config docker compose version --short >/dev/null
