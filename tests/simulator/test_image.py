"""The simulator as an image: the command of a real plan runs in it unchanged, by either name."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
NAME = "glm-deploy-simulator:test"


@pytest.fixture(scope="module")
def docker(
    docker_host: str, base_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs `docker …` on the test engine, which holds the image."""

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "-H", docker_host, *argv], capture_output=True, text=True, timeout=120
        )

    context = tmp_path_factory.mktemp("context")
    skip = "--exclude=__pycache__"
    package = ["glm_deploy/__init__.py", "glm_deploy/sglang", "glm_deploy/simulator"]
    for folder, paths in ((ROOT, package), (ROOT / "docker" / "simulator", ["."])):
        tar = ["tar", skip, "-C", str(folder), "-c", *paths]
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as packed:
            subprocess.run(["tar", "-C", str(context), "-x"], stdin=packed.stdout, check=True)
    built = run("build", "-t", NAME, "--build-arg", f"BASE={base_image}", str(context))
    assert built.returncode == 0, built.stdout + built.stderr
    yield run
    run("rmi", "-f", NAME)


@pytest.mark.parametrize(
    "launcher", [["python3", "-m", "sglang.launch_server"], ["sglang", "serve"]]
)
def test_a_plans_command_runs_and_sigterm_drains_it(docker, recipe, launcher):
    container = docker(
        *("run", "-d", "-e", "GLM_DEPLOY_SIMULATOR_SPEED=2000", NAME),
        *launcher,
        *recipe,
    ).stdout.strip()
    try:
        deadline = time.monotonic() + 20
        while "ready to roll" not in docker("logs", container).stderr:
            assert time.monotonic() < deadline, docker("logs", container).stderr
            time.sleep(0.2)
        assert docker("stop", "-t", "10", container).returncode == 0
        state = docker("inspect", "-f", "{{.State.ExitCode}}", container).stdout.strip()
        assert state == "0"
    finally:
        docker("rm", "-f", container)


def test_a_refused_command_ends_the_container_with_status_2(docker):
    ended = docker("run", "--rm", NAME, "python3", "-m", "sglang.launch_server", "--pp", "3")
    assert ended.returncode == 2
    assert "sglang serve: error: ambiguous option: --pp could match" in ended.stderr
