"""One file per target, each a function from a plan to `{path: text}`; nothing here does I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.render import as_json, compose, docker_run, shell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from glm_deploy.model import Plan

FORMATS: Mapping[str, Callable[[Plan], dict[str, str]]] = {
    "compose": compose.render,
    "docker-run": docker_run.render,
    "shell": shell.render,
    "json": as_json.render,
}
