"""How long `lint` takes: one command as a whole process (median), and 1,000 in one process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from glm_deploy.lint.judge import lint
from glm_deploy.lint.target import Target

RUNS, COMMANDS = 11, 1_000
COMMAND = (
    "docker run --gpus all --ipc host --ulimit memlock=-1 voipmonitor/sglang:cu130 python3 -m "
    "sglang.launch_server --model-path 0xSero/GLM-5.1-555B-NVFP4 --tensor-parallel-size 8 "
    "--kv-cache-dtype {dtype} --attention-backend flashinfer --port {port}\n"
)


def seconds_of_a_process() -> float:
    """One `glm-deploy lint` of one command, start of Python included."""
    start = time.perf_counter()
    text = COMMAND.format(dtype="bf16", port=5000)
    command = [sys.executable, "-m", "glm_deploy", "lint", "--json"]
    subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    return time.perf_counter() - start


def main() -> None:
    """Print both figures."""
    median = statistics.median(seconds_of_a_process() for _ in range(RUNS))
    start = time.perf_counter()
    for port in range(COMMANDS):
        text = COMMAND.format(dtype=("bf16", "fp8_e4m3")[port % 2], port=1 + port)
        lint(text, "bench", Target(), lambda _: None)
    total = time.perf_counter() - start
    print(f"lint, one command:     {median * 1000:.0f} ms (median of {RUNS} processes)")
    print(f"lint, {COMMANDS:,} commands:  {total:.2f} s in one process")


if __name__ == "__main__":
    main()
