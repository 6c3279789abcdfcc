"""How the simulator itself is set up: environment variables that SGLang does not know."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from glm_deploy.sglang import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "GLM_DEPLOY_SIMULATOR_"


class Scenario(StrEnum):
    """What goes wrong; the value is what to write into GLM_DEPLOY_SIMULATOR_SCENARIO."""

    NONE = "none"
    OOM_AT_LOAD = "oom-at-load"
    HANG_IN_GRAPH_CAPTURE = "hang-in-graph-capture"
    GARBLED = "garbled"
    CRASH_AFTER_READY = "crash-after-ready"
    SLOW_FIRST_TURN = "slow-first-turn"


class SettingsRefused(Exception):  # noqa: N818  # its text is a whole message already
    """A GLM_DEPLOY_SIMULATOR_* variable cannot be understood; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The flag catalogue that judges argv, how many times faster than real, and the scenario."""

    catalogue: catalogue.Catalogue
    speed: float
    scenario: Scenario

    def wait(self, seconds: float) -> None:
        """Sleep for what takes a real server that many seconds."""
        time.sleep(seconds / self.speed)


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the variables; raises SettingsRefused."""
    # BASE is for the building of the image and may still be set when a server is started.
    names = {"BASE", "CATALOGUE", "SPEED", "SCENARIO"}
    for variable in environment:
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX) not in names:
            known = ", ".join(sorted(PREFIX + name for name in names))
            raise SettingsRefused(f"{variable} is no variable of the simulator; there are {known}")
    return Settings(
        catalogue=_catalogue(environment.get(f"{PREFIX}CATALOGUE") or "fork-c70c22a1"),
        speed=_speed(environment.get(f"{PREFIX}SPEED") or "100"),
        scenario=_scenario(environment.get(f"{PREFIX}SCENARIO") or "none"),
    )


def _catalogue(name: str) -> catalogue.Catalogue:
    try:
        return catalogue.load(name)
    except catalogue.UnknownCatalogue as unknown:
        raise SettingsRefused(f"{PREFIX}CATALOGUE: {unknown}") from None


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise SettingsRefused(
            f"{PREFIX}SPEED: {text!r} is not a number above 0; 1 is real time, 100 the default"
        )
    return speed


def _scenario(name: str) -> Scenario:
    try:
        return Scenario(name)
    except ValueError:
        raise SettingsRefused(
            f"{PREFIX}SCENARIO: no scenario named {name!r}; there are {', '.join(Scenario)}"
        ) from None
