"""Workplaces with a Docker engine and without one, and the simulator's image."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from testbench.workplace import Workplace

import docker
from glm_deploy.lifecycle.docker import DockerRuntime
from glm_deploy.lifecycle.simulator_image import BASE_VARIABLE, simulator_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def simulator_ref(docker_host: str, base_image: str) -> Iterator[str]:
    """The simulator's image, as the tool itself builds it, on the engine that hands out GPUs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BASE_VARIABLE, base_image)
        yield simulator_image(DockerRuntime(docker.DockerClient(base_url=docker_host)))


@pytest.fixture(scope="session")
def memlock_allowed(docker_host: str, base_image: str) -> bool:
    """Whether runc may lift the memlock limit here; nested containers may not."""
    run = ["docker", "-H", docker_host, "run", "--rm", "--network", "none"]
    return not subprocess.run(
        [*run, "--ulimit", "memlock=-1:-1", base_image, "true"], capture_output=True
    ).returncode


@pytest.fixture
def place(docker_host: str, simulator_ref: str, tmp_path: Path) -> Iterator[Workplace]:
    """A workplace with Docker."""
    workplace = Workplace(tmp_path, docker_host)
    yield workplace
    workplace.close()


@pytest.fixture
def place_without_docker(tmp_path: Path) -> Iterator[Workplace]:
    """A workplace where no Docker answers: rehearsals are processes."""
    workplace = Workplace(tmp_path)
    yield workplace
    workplace.close()


@pytest.fixture(params=["docker", "process"])
def either_place(request: pytest.FixtureRequest) -> Workplace:
    """Both, one after the other."""
    fixtures = {"docker": "place", "process": "place_without_docker"}
    workplace: Workplace = request.getfixturevalue(fixtures[request.param])
    return workplace
