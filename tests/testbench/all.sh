#!/usr/bin/env bash
# Gets and starts every real part the tests run against; quick when they are there already.
set -euo pipefail

cd "$(dirname "$0")"
./system-packages.sh
./docker-engine.sh start
./base-image.sh
./compose.sh
./sglang-parsers.sh
./sglang-image.sh
