#!/usr/bin/env bash
# Unpacks sglang releases, and makes a Python that can import their argument parsers on a CPU.
# Usage: sglang-parsers.sh [VERSION…]
set -euo pipefail
# shellcheck source=tests/testbench/paths.sh
source "$(dirname "$0")/paths.sh"

here=$checkout/tests/testbench
venv=$sglang_cache/venv
wheels=$sglang_cache/wheels
versions=("$@")
((${#versions[@]})) || versions=(0.5.4 0.5.10.post1 0.5.18 0.5.23)

requirements() { cat "$here/sglang-requirements.txt" "$here/sglang-requirements-bare.txt"; }

make_venv() {
    say "making $venv (1.6 GB, once)"
    local pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet)
    rm -rf "$venv"
    "${PYTHON:-python3}" -m venv "$venv"
    # PyPI has no +cpu builds of torch; a local wheel directory may (pip's find-links), and
    # PyTorch's own index does.
    "${pip[@]}" install -r "$here/sglang-requirements.txt" ||
        "${pip[@]}" install --extra-index-url https://download.pytorch.org/whl/cpu \
            -r "$here/sglang-requirements.txt"
    "${pip[@]}" install --no-deps -r "$here/sglang-requirements-bare.txt"
    requirements >"$venv/installed-requirements.txt"
}

unpack() {
    local version=$1 dir=$sglang_cache/$1
    if [[ -d $dir ]]; then return; fi
    say "unpacking sglang $version"
    "$venv/bin/python" -m pip --disable-pip-version-check --quiet download \
        --no-deps --only-binary :all: --dest "$wheels" "sglang==$version"
    rm -rf "$dir.part"
    "$venv/bin/python" -m zipfile -e "$wheels/sglang-$version"-*.whl "$dir.part"
    mv "$dir.part" "$dir"
}

mkdir -p "$sglang_cache"
requirements | cmp -s - "$venv/installed-requirements.txt" || make_venv
for version in "${versions[@]}"; do unpack "$version"; done
