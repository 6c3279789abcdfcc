#!/usr/bin/env bash
# Starts or stops the two Docker engines of the tests. Usage: docker-engine.sh [start|stop]
#   gpu    accepts GPU requests, though there is no GPU: a hook that does nothing is on its PATH
#   plain  has no such hook, and refuses GPU requests as a host without the NVIDIA toolkit does
# Both have their own socket, data, bridge and containerd namespace and leave iptables alone, so a
# Docker that already runs on this machine is never touched.
set -euo pipefail
# shellcheck source=tests/testbench/paths.sh
source "$(dirname "$0")/paths.sh"

bridge=glm-$checkout_id
bridge_address=10.203.$((checkout_id % 256)).1/24

# A PATH for daemon $1 with the programs dockerd starts and nothing else: a machine with the
# NVIDIA toolkit would otherwise lend its hook to the plain engine.
make_path() {
    local dir=$bench/docker-$1/bin program found
    mkdir -p "$dir"
    for program in containerd containerd-shim-runc-v2 ctr docker-init docker-proxy dockerd \
        ip6tables iptables kmod modprobe mount.fuse ps runc tini umount unpigz xz; do
        if found=$(PATH=$PATH:/usr/sbin:/sbin command -v "$program"); then
            ln -sfn "$found" "$dir/$program"
        fi
    done
    if [[ $1 == gpu ]]; then
        printf '#!/bin/sh\nexit 0\n' >"$dir/nvidia-container-runtime-hook"
        chmod +x "$dir/nvidia-container-runtime-hook"
    fi
    echo "$dir"
}

make_bridge() {
    ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
    ip addr replace "$bridge_address" dev "$bridge"
    ip link set "$bridge" up
}

start() {
    local name=$1 run path network log=$bench/docker-$1/dockerd.log
    run=$(runtime_dir "$name")
    mkdir -p "$run" "$bench/docker-$name"
    echo "unix://$run/docker.sock" >"$bench/docker-$name/host"
    if answers "$name"; then return; fi
    path=$(make_path "$name")
    network=none
    if [[ $name == gpu ]]; then
        make_bridge
        network=$bridge
    fi
    setsid nohup env PATH="$path" dockerd \
        --host "unix://$run/docker.sock" --pidfile "$run/docker.pid" --exec-root "$run/exec" \
        --data-root "$bench/docker-$name/data" \
        --containerd-namespace "glm-deploy-$checkout_id-$name" \
        --containerd-plugins-namespace "glm-deploy-$checkout_id-$name-plugins" \
        --bridge "$network" --iptables=false --ip6tables=false --ip-forward=false \
        </dev/null >"$log" 2>&1 &
    for _ in $(seq 60); do
        if answers "$name"; then
            say "engine '$name' answers on $(<"$bench/docker-$name/host")"
            return
        fi
        sleep 0.5
    done
    tail -n 20 "$log" >&2
    say "engine '$name' did not answer within 30 s; its log is $log"
    exit 3
}

stop() {
    local pidfile pid
    pidfile=$(runtime_dir "$1")/docker.pid
    [[ -s $pidfile ]] || return 0
    pid=$(<"$pidfile")
    # A pid file outlives a crash, and its number may belong to another process by now.
    grep -qsaF "$pidfile" "/proc/$pid/cmdline" || return 0
    kill "$pid"
    for _ in $(seq 60); do
        [[ -d /proc/$pid ]] || return 0
        sleep 0.5
    done
    say "engine '$1' (process $pid) is still stopping after 30 s"
    exit 3
}

need_root
case ${1:-start} in
    start) for name in "${daemons[@]}"; do start "$name"; done ;;
    stop)
        for name in "${daemons[@]}"; do stop "$name"; done
        ip link delete "$bridge" 2>/dev/null || true
        ;;
    *)
        say "usage: docker-engine.sh [start|stop]"
        exit 2
        ;;
esac
