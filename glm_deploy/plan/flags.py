"""The engine's flags and the container's variables, as a profile sets them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_deploy.plan.container import API_KEY_TARGET

if TYPE_CHECKING:
    from glm_deploy.model import Origin
    from glm_deploy.profile.load import Resolved
    from glm_deploy.profile.schema import Profile

# The order of the reference command, so that a rendered one reads like it.
_LEADING = (
    "--model-path",
    "--revision",
    "--served-model-name",
    "--reasoning-parser",
    "--tool-call-parser",
    "--tensor-parallel-size",
    "--pipeline-parallel-size",
    "--quantization",
)
_TRAILING = ("--host", "--port", "--config")


@dataclass(frozen=True, slots=True)
class Value:
    """The words of a flag (none for a bare one) or of a variable, and where they came from."""

    words: tuple[str, ...]
    origin: Origin


def profile_flags(resolved: Resolved) -> dict[str, Value]:
    """Every flag that the profile sets, by its long name."""
    profile = resolved.profile
    values: list[tuple[str, Any, tuple[str, ...]]] = [
        ("--model-path", profile.model.id, ("model", "id")),
        ("--revision", profile.model.revision, ("model", "revision")),
        ("--served-model-name", profile.model.served_name, ("model", "served_name")),
        ("--quantization", profile.model.quantization, ("model", "quantization")),
        ("--tensor-parallel-size", profile.parallelism.tensor, ("parallelism", "tensor")),
        ("--host", profile.server.host, ("server", "host")),
        ("--port", profile.server.port, ("server", "port")),
    ]
    if profile.parallelism.pipeline > 1:
        values.append(
            ("--pipeline-parallel-size", profile.parallelism.pipeline, ("parallelism", "pipeline"))
        )
    if profile.server.api_key_file:
        values.append(("--config", API_KEY_TARGET, ("server", "api_key_file")))
    for key, value in vars(profile.engine).items():
        if key != "extra_args":
            values.append((_flag(key), value, ("engine", key)))
    for flag, value in profile.engine.extra_args.items():
        values.append((flag, value, ("engine", "extra_args", flag)))
    return {
        flag: Value(_words(value), resolved.origin(*path))
        for flag, value, path in values
        if value is not None and value is not False
    }


def profile_env(resolved: Resolved) -> dict[str, Value]:
    """Every variable that the profile sets."""
    return {
        name: Value((value,), resolved.origin("env", name))
        for name, value in resolved.profile.env.items()
        if value is not None
    }


def declined_flags(profile: Profile) -> set[str]:
    """The switches that the profile sets to false: decided, and so not left to a rule."""
    typed = {_flag(key): value for key, value in vars(profile.engine).items()}
    return {flag for flag, v in {**typed, **profile.engine.extra_args}.items() if v is False}


def in_reading_order(flags: dict[str, Value], profile: Profile) -> dict[str, Value]:
    """The flags in the order of the reference command, then of the schema, then as they came."""
    typed = [_flag(key) for key in vars(profile.engine)]
    head = [flag for flag in (*_LEADING, *typed) if flag in flags]
    tail = [flag for flag in _TRAILING if flag in flags]
    middle = [flag for flag in flags if flag not in head and flag not in tail]
    ordered = dict.fromkeys((*head, *middle, *tail))
    return {flag: flags[flag] for flag in ordered}


def _words(value: Any) -> tuple[str, ...]:
    if value is True:
        return ()
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    if isinstance(value, dict):
        return (json.dumps(value),)
    return (str(value),)


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")
