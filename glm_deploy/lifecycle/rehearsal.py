"""Turns a plan's spec into its rehearsal: the same argv on a simulator, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glm_deploy.model import LABEL_PREFIX

if TYPE_CHECKING:
    from glm_deploy.model import LaunchSpec

CATALOGUE = "GLM_DEPLOY_SIMULATOR_CATALOGUE"
SPEED = "GLM_DEPLOY_SIMULATOR_SPEED"
SCENARIO = "GLM_DEPLOY_SIMULATOR_SCENARIO"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A spec for the simulator, and a line for each thing it leaves out of the real one."""

    spec: LaunchSpec
    left_out: tuple[str, ...]


def rehearse(spec: LaunchSpec, *, speed: float, scenario: str | None) -> Rehearsal:
    """The spec with the simulator's settings in its environment and no GPU request.

    `speed` 1 boots as slowly as the real engine (minutes), 100 a hundred times faster.
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
    return Rehearsal(replace(spec, env=env, labels=labels, gpus=None), tuple(left_out))


def without_docker(rehearsal: Rehearsal, reason: str) -> Rehearsal:
    """The rehearsal as a process of this host: everything that Docker would do is left out."""
    left_out = (*rehearsal.left_out, f"Docker: {reason}; mounts, limits and restarts do not apply")
    return Rehearsal(rehearsal.spec, left_out)


def without_memlock(rehearsal: Rehearsal) -> Rehearsal:
    """The rehearsal without the memlock limit, for hosts that refuse it."""
    limits = tuple(limit for limit in rehearsal.spec.ulimits if limit.name != "memlock")
    left_out = (*rehearsal.left_out, "the memlock limit: this host does not let Docker lift it")
    return Rehearsal(replace(rehearsal.spec, ulimits=limits), left_out)
