"""Launches as people write them: clean ones, and broken ones with the rules that must tell."""

from __future__ import annotations

HF = "-v ~/.cache/huggingface:/root/.cache/huggingface"
DOCKER = f"docker run --rm --gpus all --ipc=host --ulimit memlock=-1 {HF}"
GLM_ENV = "-e SGLANG_ENABLE_JIT_DEEPGEMM=0 -e NCCL_IB_DISABLE=1 -e NCCL_P2P_LEVEL=SYS"
IMAGE = "voipmonitor/sglang:cu130"
SERVE = "python3 -m sglang.launch_server"
GLM = (
    "--model-path 0xSero/GLM-5.1-555B-NVFP4 --reasoning-parser glm45 --tool-call-parser glm47 "
    "--quantization compressed-tensors --kv-cache-dtype bf16 --attention-backend flashinfer "
    "--fp4-gemm-backend b12x --moe-runner-backend b12x --mem-fraction-static 0.85 "
    "--chunked-prefill-size 16384 --disable-custom-all-reduce"
)

# Launches that work, as far as anybody can tell: no error may be found in them.
CLEAN = {
    "the card's recipe with long names": f"""{DOCKER} --network=host --shm-size=8g \\
  --ulimit stack=67108864 -v jit-cache:/cache/jit {GLM_ENV} {IMAGE} \\
  {SERVE} {GLM} --served-model-name glm-5.1-reap --tensor-parallel-size 8 --host 0.0.0.0 --port 5000
""",
    "six cards as two by three": f"""{DOCKER} --network=host {GLM_ENV} {IMAGE} {SERVE} {GLM} \\
  --tp-size 2 --pp-size 3""",
    "tp is short for tp-size in every release": f"{DOCKER} {GLM_ENV} {IMAGE} {SERVE} {GLM} --tp 8",
    "GLM with fp8 KV on a release that reads it right": f"""{DOCKER} lmsysorg/sglang:v0.5.18 \\
  {SERVE} --model-path lukealonso/GLM-5.1-NVFP4 --quantization modelopt_fp4 --tp 8 \\
  --kv-cache-dtype fp8_e4m3 --moe-runner-backend flashinfer_cutlass""",
    "GLM with everything left to a release that chooses right": f"""{DOCKER} \\
  lmsysorg/sglang:v0.5.18 {SERVE} --model-path zai-org/GLM-5.1-NVFP4 --tp 8""",
    "Qwen3.5 with fp8 KV and triton": f"""{DOCKER} -p 8000:8000 {IMAGE} {SERVE} \\
  --model-path nvidia/Qwen3.5-397B-A17B-NVFP4 --quantization modelopt_fp4 --tp 4 \\
  --kv-cache-dtype fp8_e4m3 --attention-backend triton --moe-runner-backend flashinfer_cutlass \\
  --reasoning-parser qwen3 --tool-call-parser qwen3_coder --host 0.0.0.0 --port 8000""",
    "Qwen3.5 with speculation and no SPEC_V2": f"""{DOCKER} {IMAGE} {SERVE} \\
  --model-path Qwen/Qwen3.5-122B-A10B-FP8 --tp 2 --speculative-algorithm NEXTN \\
  --speculative-num-steps 3 --speculative-eagle-topk 1 --speculative-num-draft-tokens 4""",
    "Kimi-K2 on eight": f"""{DOCKER} {IMAGE} {SERVE} --model-path moonshotai/Kimi-K2-Thinking \\
  --tp 8 --trust-remote-code --tool-call-parser kimi_k2 --reasoning-parser kimi_k2 \\
  --mem-fraction-static 0.93 --kv-cache-dtype fp8_e4m3""",
    "MiniMax on four of eight cards": f"""{DOCKER} {IMAGE} {SERVE} \\
  --model-path MiniMaxAI/MiniMax-M2.5 --tp 4 --tool-call-parser minimax-m2 \\
  --reasoning-parser minimax-append-think --trust-remote-code --mem-fraction-static 0.9""",
    "DeepSeek R1 with fp8_e5m2": f"""{DOCKER} {IMAGE} {SERVE} \\
  --model-path deepseek-ai/DeepSeek-R1-0528 --tp 8 --kv-cache-dtype fp8_e5m2 \\
  --chunked-prefill-size 4000 --attention-backend flashinfer""",
    "GLM-4.7 with a pipeline": f"""{DOCKER} {IMAGE} {SERVE} --model-path zai-org/GLM-4.7-FP8 \\
  --tp 4 --tool-call-parser glm47 --reasoning-parser glm45 --kv-cache-dtype fp8_e4m3""",
    "a flag that only newer builds have": f"""{DOCKER} {GLM_ENV} {IMAGE} {SERVE} {GLM} \\
  --tp 8 --enable-pcie-oneshot-allreduce""",
    "plain python with variables in front": f"""SGLANG_ENABLE_JIT_DEEPGEMM=0 NCCL_P2P_LEVEL=SYS \\
  {SERVE} {GLM} --tp 8""",
    "sglang serve": "sglang serve --model-path Qwen/Qwen3-8B --port 30000",
    "a script with exports and an array": f"""#!/bin/bash
set -euo pipefail
export SGLANG_ENABLE_JIT_DEEPGEMM=0
MODEL="${{MODEL:-0xSero/GLM-5.1-555B-NVFP4}}"
ARGS=(
  --kv-cache-dtype bf16          # fp8 garbles
  --attention-backend flashinfer
  --disable-custom-all-reduce
)
exec {SERVE} --model-path "$MODEL" --tp 8 "${{ARGS[@]}}" "$@" 2>&1 | tee server.log
""",
    "values that come from outside": f"""docker run --gpus "$GPUS" --ipc host $EXTRA {HF} \\
  -e SGLANG_ENABLE_JIT_DEEPGEMM=$JIT -e HF_TOKEN {IMAGE} {SERVE} {GLM} --tp $TP --port ${{PORT}}""",
    "JSON in single quotes": f"""{DOCKER} {GLM_ENV} {IMAGE} {SERVE} {GLM} --tp 8 \\
  --model-loader-extra-config '{{"enable_multithread_load": true, "num_threads": 16}}'""",
    "JSON in a nested shell": f"""{DOCKER} {GLM_ENV} {IMAGE} bash -c "{SERVE} {GLM} --tp 8 \\
  --model-loader-extra-config '{{\\"enable_multithread_load\\": true}}'\"""",
    "podman with CDI": f"""sudo podman run --device nvidia.com/gpu=all --ipc=host {HF} \\
  --ulimit memlock=-1 docker.io/lmsysorg/sglang:v0.5.18 {SERVE} --model-path openai/gpt-oss-120b""",
    "a Compose file": """services:
  glm:
    image: voipmonitor/sglang:cu130
    network_mode: host
    ipc: host
    restart: on-failure:3
    ulimits: {memlock: -1}
    environment:
      - SGLANG_ENABLE_JIT_DEEPGEMM=0
      - NCCL_IB_DISABLE=1
    volumes:
      - ~/.cache/huggingface:/root/.cache/huggingface
      - jit:/cache/jit
    command: >-
      python3 -m sglang.launch_server
      --model-path 0xSero/GLM-5.1-555B-NVFP4 --tp-size 8
      --kv-cache-dtype bf16 --attention-backend flashinfer
      --disable-custom-all-reduce
      --model-loader-extra-config '{"num_threads": 16}'
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia, count: all, capabilities: [gpu]}]
volumes: {jit: {}}
""",
    "a manifest": """apiVersion: apps/v1
kind: Deployment
metadata: {name: qwen}
spec:
  template:
    spec:
      containers:
        - name: sglang
          image: lmsysorg/sglang:v0.5.18
          command: [python3, -m, sglang.launch_server]
          args: ["--model-path", "Qwen/Qwen3.5-122B-A10B-FP8", "--tp", "2", "--host", "0.0.0.0"]
          resources: {limits: {nvidia.com/gpu: 2}}
          volumeMounts: [{name: shm, mountPath: /dev/shm}]
      volumes: [{name: shm, emptyDir: {medium: Memory}}]
""",
    "a unit": """[Unit]
Description=sglang
[Service]
Environment=SGLANG_ENABLE_JIT_DEEPGEMM=0
ExecStart=/opt/venv/bin/python -m sglang.launch_server --model-path zai-org/GLM-5.1 \\
    --tp-size 8 --kv-cache-dtype bf16 --attention-backend flashinfer --disable-custom-all-reduce
Restart=on-failure
""",
}

# Launches that fail or go wrong: each with the rules of which every one must tell.
BROKEN = {
    "the card's six-card line": (
        f"{DOCKER} {GLM_ENV} {IMAGE} {SERVE} {GLM} --tp 2 --pp 3",
        {"FLG-004"},
    ),
    "fp8 KV on the image": (
        f"{DOCKER} {GLM_ENV} {IMAGE} {SERVE} {GLM} --tp 8 --kv-cache-dtype fp8_e4m3",
        {"KV-001"},
    ),
    "everything left to the engine": (
        f"{DOCKER} {IMAGE} {SERVE} --model-path 0xSero/GLM-5.1-555B-NVFP4 --tp 8",
        {"KV-001", "ATT-001", "DGM-001"},
    ),
    "a variable that is set and not exported": (
        f"SGLANG_ENABLE_JIT_DEEPGEMM=0\n{SERVE} {GLM} --tp 8",
        {"DGM-001"},
    ),
    "bf16 KV with the newer engine's own attention": (
        f"{DOCKER} lmsysorg/sglang:v0.5.18 {SERVE} --model-path zai-org/GLM-5.1 --tp 8 "
        "--kv-cache-dtype bf16",
        {"ATT-001"},
    ),
    "b12x on upstream": (
        f"{DOCKER} {GLM_ENV} lmsysorg/sglang:v0.5.10.post1 {SERVE} {GLM} --tp 8",
        {"BKD-001", "FLG-001"},
    ),
    "six ranks for 64 heads": (f"{DOCKER} {GLM_ENV} {IMAGE} {SERVE} {GLM} --tp 6", {"PAR-001"}),
    "a flag of vLLM": (
        f"{DOCKER} {IMAGE} {SERVE} --model-path Qwen/Qwen3-8B --gpu-memory-utilization 0.9",
        {"FLG-005"},
    ),
    "a slip of the hand": (
        f"{DOCKER} {IMAGE} {SERVE} --model-path Qwen/Qwen3-8B --mem-fraction-statc 0.9",
        {"FLG-003"},
    ),
    "an underscore": (
        f"{DOCKER} {IMAGE} {SERVE} --model-path Qwen/Qwen3-8B --mem_fraction_static 0.9",
        {"FLG-003"},
    ),
    "JSON without quotes": (
        f'{SERVE} {GLM} --tp 8 --model-loader-extra-config {{"num_threads": 16}}',
        {"FLG-007"},
    ),
    "JSON in nested double quotes": (
        f'{DOCKER} {IMAGE} bash -c "{SERVE} {GLM} --tp 8 --model-loader-extra-config '
        f'\'{{"num_threads": 16}}\'"',
        {"FLG-007"},
    ),
    "JSON through an unquoted variable": (
        f"ARGS='--model-loader-extra-config {{\"num_threads\": 16}}'\n{SERVE} {GLM} --tp 8 $ARGS",
        {"FLG-007"},
    ),
    "too few devices": (
        f"docker run --gpus '\"device=0,1\"' --ipc host {IMAGE} {SERVE} {GLM} --tp 8",
        {"PAR-003"},
    ),
    "restarts without end": (
        f"{DOCKER} --restart unless-stopped {GLM_ENV} {IMAGE} {SERVE} {GLM} --tp 8",
        {"CTR-001"},
    ),
    "64 MiB of shared memory": (
        f"docker run --gpus all {GLM_ENV} {IMAGE} {SERVE} {GLM} --tp 8",
        {"CTR-002", "CTR-003", "CTR-006", "CTR-007"},
    ),
    "privileged, entrypoint, ports on the host's network": (
        f"{DOCKER} --privileged --entrypoint python3 --network host -p 5000:5000 {IMAGE} "
        f"-m sglang.launch_server {GLM} --tp 8",
        {"CTR-004", "CTR-005", "CTR-008"},
    ),
    "a port that nobody publishes": (
        f"{DOCKER} -p 8000:8000 {IMAGE} {SERVE} --model-path Qwen/Qwen3-8B --host 0.0.0.0",
        {"CTR-009"},
    ),
    "the loopback of the container": (
        f"{DOCKER} -p 8000:8000 {IMAGE} {SERVE} --model-path Qwen/Qwen3-8B --port 8000",
        {"CTR-009"},
    ),
    "no GPU": (f"docker run {IMAGE} {SERVE} --model-path Qwen/Qwen3-8B", {"CTR-010"}),
    "a flag and its value as one list item": (
        "services:\n  a:\n    image: lmsysorg/sglang:v0.5.18\n    command:\n"
        "      - python3\n      - -m\n      - sglang.launch_server\n"
        "      - --model-path=Qwen/Qwen3-8B\n      - --port 5000\n",
        {"FLG-001", "FLG-008"},
    ),
    "speculation in a pipeline": (
        f"{DOCKER} {IMAGE} {SERVE} {GLM} --tp-size 2 --pp-size 3 --speculative-algorithm NEXTN",
        {"PAR-005", "SPC-001"},
    ),
    "a secret": (f"{DOCKER} -e HF_TOKEN=hf_abc {IMAGE} {SERVE} {GLM} --tp 8", {"SEC-004"}),
    "GGUF": (
        f"{DOCKER} {IMAGE} {SERVE} --model-path 0xSero/GLM-5.1-555B-GGUF --tp 8",
        {"MDL-002"},
    ),
}
