#!/usr/bin/env bash
# Gives the test engine `gpu` an image that contains a real sglang release, on the base image's
# own Python: 2 GB, a minute, once. 0.5.23 imports on a CPU without any stand-in.
set -euo pipefail
# shellcheck source=tests/testbench/paths.sh
source "$(dirname "$0")/paths.sh"

version=0.5.23
image=glm-deploy-sglang:$version
docker=(docker -H "unix://$(socket_of gpu)")
packages=$(echo "$sglang_cache"/venv/lib/python3.*/site-packages)

if ! answers gpu; then
    say "engine 'gpu' does not answer; run tests/testbench/docker-engine.sh first"
    exit 3
fi
if "${docker[@]}" image inspect "$image" >/dev/null 2>&1; then exit; fi
if [[ ! -d $sglang_cache/$version || ! -d $packages ]]; then
    say "sglang $version is not unpacked; run tests/testbench/sglang-parsers.sh first"
    exit 3
fi
say "making the image $image"
container=$("${docker[@]}" create --network none "$base_image" true)
# shellcheck disable=SC2064  # the container as it is named now
trap "'${docker[0]}' -H 'unix://$(socket_of gpu)' rm -f '$container' >/dev/null" EXIT
# Nothing imports the headers and tests. Byte code stays in: the base image has the same Python 3.11.
put() {
    tar -C "$1" --exclude=./torch/include --exclude=./torch/test \
        --transform "s,^\.,$2," -c . | "${docker[@]}" cp - "$container:/"
}
put "$packages" opt/python
put "$sglang_cache/$version" opt/sglang
"${docker[@]}" commit --change "ENV PYTHONPATH=/opt/sglang:/opt/python" \
    --change 'ENTRYPOINT ["/bin/false"]' "$container" "$image" >/dev/null
