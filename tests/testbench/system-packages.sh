#!/usr/bin/env bash
# Installs the Debian packages the tests need, and only those that are missing.
set -euo pipefail
# shellcheck source=tests/testbench/paths.sh
source "$(dirname "$0")/paths.sh"

wanted=(ca-certificates debootstrap gcc iproute2 iptables libc6-dev python3-venv shellcheck)
# docker.io would push a docker-ce aside, so it is wanted only where no engine is installed.
command -v dockerd >/dev/null || wanted+=(docker.io)

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done

if ((${#missing[@]})); then
    need_root
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
