#!/usr/bin/env bash
# Gives both test engines a Debian base image with Python, built without any registry.
set -euo pipefail
# shellcheck source=tests/testbench/paths.sh
source "$(dirname "$0")/paths.sh"

suite=bookworm
tarball=$bench/base-$suite.tar.gz

build_tarball() {
    need_root
    say "building $base_image with debootstrap, once"
    local root
    root=$(mktemp -d "$bench/debootstrap.XXXXXX")
    # shellcheck disable=SC2064  # the directory as it is named now
    trap "rm -rf '$root'" EXIT
    debootstrap --variant=minbase --include=python3 "$suite" "$root" >"$bench/debootstrap.log"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" -c . | gzip -1 >"$tarball.part"
    mv "$tarball.part" "$tarball"
}

mkdir -p "$bench"
[[ -s $tarball ]] || build_tarball
for name in "${daemons[@]}"; do
    engine=(docker -H "unix://$(socket_of "$name")")
    if ! answers "$name"; then
        say "engine '$name' does not answer; run tests/testbench/docker-engine.sh first"
        exit 3
    fi
    "${engine[@]}" image inspect "$base_image" >/dev/null 2>&1 ||
        "${engine[@]}" import "$tarball" "$base_image" >/dev/null
done
