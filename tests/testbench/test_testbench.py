"""The parts of the test bench are what the other tests take them for."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from testbench.parts import CHECKOUT, requires

if TYPE_CHECKING:
    from pathlib import Path

    from testbench.parts import Compose

GPU_REQUESTS = ["all", '"device=0,3"']


def run_on(host: str, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "-H", host, "run", "--rm", "--network", "host", *argv],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("request_", GPU_REQUESTS)
def test_a_gpu_request_reaches_the_container_without_a_gpu(
    docker_host: str, base_image: str, request_: str
) -> None:
    done = run_on(docker_host, "--gpus", request_, base_image, "python3", "-c", "print(6 * 7)")
    assert (done.returncode, done.stdout) == (0, "42\n")


@pytest.mark.parametrize("request_", GPU_REQUESTS)
def test_an_engine_without_the_hook_refuses_a_gpu_request(
    docker_host_without_gpu_hook: str, base_image: str, request_: str
) -> None:
    done = run_on(docker_host_without_gpu_hook, "--gpus", request_, base_image, "true")
    assert done.returncode == 125
    assert 'could not select device driver "" with capabilities: [[gpu]]' in done.stderr


def test_compose_is_a_v2(compose: Compose) -> None:
    argv = [*compose.argv, "version", "--short"]
    done = subprocess.run(argv, env=compose.env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2.")


@pytest.mark.parametrize(
    "script", sorted((CHECKOUT / "tests" / "testbench").glob("*.sh")), ids=lambda path: path.name
)
def test_the_scripts_pass_shellcheck(script: Path) -> None:
    requires(
        "shellcheck",
        "tests/testbench/system-packages.sh",
        present=shutil.which("shellcheck") is not None,
    )
    argv = ["shellcheck", "--external-sources", str(script)]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
