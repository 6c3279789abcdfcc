#!/usr/bin/env bash
# The main job on a machine without GPUs: a recorded host, and the simulator for a server.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { if [[ -t 1 ]]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi; }
run() {
  printf '$ %s\n' "$*"
  "$@"
}

name=demo-$$
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
folder=$(mktemp -d)
trap 'glm-deploy down --name "$name" >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT

say '1. Preflight: a recorded host with 8 RTX PRO 6000 cards'
run glm-deploy preflight -p sm120-tp8 --facts tests/facts/rtx-pro-6000-x8.json

say '2. The same on 8 H100 cards: refused, with the reason and a way out'
run glm-deploy preflight -p sm120-tp8 --facts tests/facts/h100-x8.json --quiet && exit 1

say '3. Render: a Compose file in which every flag says why it is there'
run glm-deploy render -p sm120-tp8 --quiet --output "$folder/compose.yaml"
grep -n -A 3 -e '--kv-cache-dtype' -e '--attention-backend' "$folder/compose.yaml"

say '4. Rehearse: the very same plan on a simulator, 100 times faster than the engine'
run glm-deploy up -p sm120-tp8 --rehearse --name "$name" --set "server.port=$port"
run glm-deploy status

say '5. Chat'
run glm-deploy chat --name "$name" 'Who are you?'

say '6. Down'
run glm-deploy down --name "$name"
