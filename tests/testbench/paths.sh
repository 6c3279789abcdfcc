# Where the test bench keeps its parts; sourced by the scripts beside it. Everything is below
# .cache/ of the checkout, apart from unix sockets whose path would be too long there.
# shellcheck shell=bash disable=SC2034  # the variables are used by the scripts that source this

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bench=$checkout/.cache/testbench
sglang_cache=$checkout/.cache/sglang
base_image=glm-deploy-base:bookworm
# Tells the engines of several checkouts on one machine apart.
checkout_id=$(cksum <<<"$checkout" | cut -d' ' -f1)
daemons=(gpu plain)

say() { printf 'testbench: %s\n' "$*" >&2; }

need_root() {
    if [[ $(id -u) != 0 ]]; then
        say "$(basename "$0") has to run as root"
        exit 1
    fi
}

# Runtime directory (socket, pid file, exec root) of daemon $1. sun_path holds 108 bytes
# (unix(7)), and dockerd makes longer sockets below its exec root than its own.
runtime_dir() {
    local below_cache=$bench/docker-$1
    if ((${#below_cache} <= 60)); then
        echo "$below_cache"
    else
        echo "/run/glm-deploy-testbench/$checkout_id-$1"
    fi
}

socket_of() { echo "$(runtime_dir "$1")/docker.sock"; }

# Does daemon $1 answer?
answers() { docker -H "unix://$(socket_of "$1")" version >/dev/null 2>&1; }
