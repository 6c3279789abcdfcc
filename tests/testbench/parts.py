"""Finds the real parts that tests/testbench/*.sh left in `.cache/`, and says so when one is absent.

Nothing is installed or started from here: a test run must not change the machine it runs on.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).parents[2]
BENCH = CHECKOUT / ".cache" / "testbench"
BASE_IMAGE = "glm-deploy-base:bookworm"  # as in paths.sh
MUST_HAVE_ALL = "GLM_DEPLOY_TEST_ALL"


def requires(part: str, how_to_get_it: str, *, present: bool = False) -> None:
    """Skip the running test unless `part` is `present`; fail it under GLM_DEPLOY_TEST_ALL=1."""
    if present:
        return
    reason = f"needs {part}; to get it: {how_to_get_it}"
    if os.environ.get(MUST_HAVE_ALL) == "1":
        pytest.fail(f"{reason} ({MUST_HAVE_ALL}=1 forbids skipping)", pytrace=False)
    pytest.skip(reason)


class Compose(NamedTuple):
    """Docker Compose v2 as a command: `subprocess.run([*argv, "config"], env=env)`.

    `up` needs an engine besides: add DOCKER_HOST to the environment.
    """

    argv: list[str]
    env: dict[str, str]


def succeeds(argv: list[str], env: dict[str, str] | None = None) -> bool:
    """Return whether the command exists, exits 0 and does so within 20 s."""
    try:
        return subprocess.run(argv, env=env, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def engine_host(name: str) -> str:
    """Return the DOCKER_HOST of test engine `gpu` or `plain`, which has to answer."""
    published = BENCH / f"docker-{name}" / "host"
    host = published.read_text().strip() if published.exists() else ""
    alive = bool(host) and succeeds(["docker", "-H", host, "version"])
    requires(f"the test Docker engine {name!r}", "tests/testbench/docker-engine.sh", present=alive)
    return host


def base_image_on(host: str) -> str:
    """Return the name of the Debian image with Python that the engine at `host` has to hold."""
    held = succeeds(["docker", "-H", host, "image", "inspect", BASE_IMAGE])
    requires(f"the image {BASE_IMAGE}", "tests/testbench/base-image.sh", present=held)
    return BASE_IMAGE


def find_compose() -> Compose:
    """Return Compose v2, which reads a DOCKER_CONFIG of its own."""
    env = {**os.environ, "DOCKER_CONFIG": str(BENCH / "docker-config")}
    found = succeeds(["docker", "compose", "version"], env)
    requires("Docker Compose v2", "tests/testbench/compose.sh", present=found)
    return Compose(["docker", "compose"], env)
