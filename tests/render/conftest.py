"""Runs rendered scripts and Compose files through the programs they are for."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from parse_back import Launch, from_docker, from_service
from render_plans import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from testbench.parts import Compose

    from glm_deploy.model import Plan

# Takes the place of docker: says which words it was given, each ended by a NUL.
ECHO = """#!/bin/bash
printf '%s\\0' "$@"
"""


@pytest.fixture(scope="session")
def argv_of_docker(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Run a script under bash: the argv that `docker` got from it."""
    folder = tmp_path_factory.mktemp("echo")
    (folder / "docker").write_text(ECHO)
    (folder / "docker").chmod(0o755)
    script = folder / "script.sh"
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), "HOSTILE": "expanded"}

    def run(text: str, *bash_options: str) -> list[str]:
        script.write_bytes(text.encode())
        with script.open("rb") as lines:
            done = subprocess.run(
                ["bash", *bash_options, *([] if bash_options else [str(script)])],
                env=env,
                cwd=folder,
                stdin=lines,
                capture_output=True,
            )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        assert bash_options or done.stderr == b""
        return done.stdout.decode().split("\0")[:-1]

    return run


@pytest.fixture(scope="session")
def under_bash(argv_of_docker: Callable[..., list[str]]) -> Callable[[Plan, str], Launch]:
    """Render a plan as `docker-run` or `shell` and run that: what docker is asked for."""

    def run(plan: Plan, target: str) -> Launch:
        return from_docker(argv_of_docker(text_of(plan, target)))

    return run


@pytest.fixture(scope="session")
def compose_config(
    compose: Compose, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Sequence[Plan]], dict[str, Any]]:
    """Render plans of distinct names as Compose files: the project that Compose reads from all."""
    folder = tmp_path_factory.mktemp("compose")

    def config(plans: Sequence[Plan]) -> dict[str, Any]:
        argv = list(compose.argv)
        for plan in plans:
            path = folder / f"{plan.spec.name}.yaml"
            path.write_bytes(text_of(plan, "compose").encode())
            argv += ["--file", str(path)]
        done = subprocess.run(
            [*argv, "config", "--format", "json"],
            env={**compose.env, "HOSTILE": "expanded"},
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return dict(json.loads(done.stdout))

    return config


@pytest.fixture(scope="session")
def through_compose(
    compose_config: Callable[[Sequence[Plan]], dict[str, Any]],
) -> Callable[[Sequence[Plan]], dict[str, Launch]]:
    """Plans of distinct names through the real Compose: the launch of each, by name."""

    def launches(plans: Sequence[Plan]) -> dict[str, Launch]:
        services = compose_config(plans)["services"]
        return {name: from_service(service) for name, service in services.items()}

    return launches
