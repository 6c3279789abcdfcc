#!/usr/bin/env bash
# What `make test` runs: the whole bench for root on Debian; elsewhere a word on what is skipped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
  exec "$here/all.sh"
fi
if [[ -n ${GLM_DEPLOY_TEST_ALL:-} ]]; then
  echo "the testbench needs root on Debian; GLM_DEPLOY_TEST_ALL=1 allows no skip" >&2
  exit 1
fi
echo "not root on Debian: tests that need Docker, Compose or sglang's parsers will be skipped" >&2
