"""Where a spec is going to run: for real in Docker, or rehearsed on the simulator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from glm_deploy.errors import HostError, LaunchError
from glm_deploy.lifecycle.deployment import clear_ended
from glm_deploy.lifecycle.docker import DockerRuntime, connect
from glm_deploy.lifecycle.docker_messages import MEMLOCK_REFUSED
from glm_deploy.lifecycle.process import ProcessRuntime
from glm_deploy.lifecycle.simulator_image import simulator_image
from glm_deploy.model import LABEL_PREFIX

if TYPE_CHECKING:
    from glm_deploy.lifecycle.deployment import Deployment, Runtime
    from glm_deploy.model import LaunchSpec

    Where = Literal["auto", "docker", "process"]

# What the simulator reads from its environment; glm_deploy/simulator/settings.py describes each.
CATALOGUE = "GLM_DEPLOY_SIMULATOR_CATALOGUE"
SPEED = "GLM_DEPLOY_SIMULATOR_SPEED"
SCENARIO = "GLM_DEPLOY_SIMULATOR_SCENARIO"


@dataclass(frozen=True, slots=True)
class Stage:
    """A runtime, the spec it is to run, and a line for each thing a rehearsal leaves out."""

    runtime: Runtime
    spec: LaunchSpec
    left_out: tuple[str, ...] = ()

    @property
    def rehearsal(self) -> bool:
        """Whether this is a rehearsal."""
        return bool(self.left_out)


def real(spec: LaunchSpec) -> Stage:
    """The spec as it is, in Docker.

    Raises:
        HostError: no Docker daemon answers.
    """
    return Stage(connect(), spec)


def rehearsal(spec: LaunchSpec, *, where: Where, speed: float, scenario: str | None) -> Stage:
    """The same argv on the simulator, without any GPU: in Docker if it can, else as a process.

    `speed` 1 boots as slowly as the real engine (minutes), 100 a hundred times faster.

    Raises:
        HostError: `where` is `docker`, and no daemon answers.
        LaunchError: `where` is `docker`, and the simulator's image cannot be built.
    """
    env = {**spec.env, CATALOGUE: spec.engine.parser, SPEED: f"{speed:g}"}
    if scenario:
        env[SCENARIO] = scenario
    labels = {**spec.labels, f"{LABEL_PREFIX}.rehearsal": "true"}
    left_out = [f"the image: the simulator stands in for {spec.image}"]
    if spec.gpus:
        wanted = ",".join(spec.gpus.device_ids) or "all"
        left_out.append(f"the GPU request ({wanted}): no GPU is asked for, none is used")
    left_out.append("the GPU checks of preflight: nothing is known about this host's GPUs")
    stand_in = replace(spec, env=env, labels=labels, gpus=None)
    if where == "process":
        return _as_process(stand_in, left_out, "--rehearse-in process says so")
    try:
        docker = connect()
        return Stage(docker, replace(stand_in, image=simulator_image(docker)), tuple(left_out))
    except (HostError, LaunchError) as error:
        if where == "docker":
            raise
        return _as_process(stand_in, left_out, error.message)


def _as_process(spec: LaunchSpec, left_out: list[str], reason: str) -> Stage:
    docker = f"Docker, mounts, limits and restarts: it runs as a process, since {reason}"
    return Stage(ProcessRuntime(), spec, (*left_out, docker))


def start(stage: Stage) -> tuple[Deployment, Stage]:
    """Start what is staged, and say how it was staged in the end.

    What is left of an ended deployment of the same name makes way. A rehearsal
    goes on without the memlock limit where the host refuses to lift it.

    Raises:
        LaunchError: it cannot be started; nothing is left behind.
    """
    if isinstance(stage.runtime, DockerRuntime) and not stage.rehearsal:
        stage.runtime.ensure_image(stage.spec.image)
    clear_ended(stage.runtime, stage.spec.name)
    try:
        return stage.runtime.start(stage.spec), stage
    except LaunchError as error:
        if not stage.rehearsal or MEMLOCK_REFUSED not in error.message:
            raise
    limits = tuple(limit for limit in stage.spec.ulimits if limit.name != "memlock")
    left_out = (*stage.left_out, "the memlock limit: this host does not let Docker lift it")
    stage = Stage(stage.runtime, replace(stage.spec, ulimits=limits), left_out)
    return stage.runtime.start(stage.spec), stage
