"""Overrides: `--set key.path=value` and `GLM_DEPLOY__KEY__PATH=value` become layers of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_deploy.errors import UsageError
from glm_deploy.model import Origin
from glm_deploy.profile.paths import FREE_MAPS, is_text
from glm_deploy.profile.yaml_tree import Path, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX = "GLM_DEPLOY__"


@dataclass(frozen=True, slots=True)
class Override:
    """One value put over a profile's: where it goes, what it is, and who said so."""

    path: Path
    value: Any
    origin: Origin


def parse_set(text: str) -> Override:
    """Read the argument of one `--set`.

    The value is YAML (`0.9`, `true`, `[1, 2]`, `{"a": 1}`, `null` to unset), and plain text
    where the profile wants text (`env.*`).

    Raises:
        UsageError: no `=`, an empty key, or a value that is not YAML.
    """
    key, equals, raw = text.partition("=")
    path = _split(key.strip())
    if not equals or not all(path):
        raise UsageError(
            f"--set {text!r} is not of the form key.path=value",
            remedy="For example: --set engine.mem_fraction_static=0.88",
        )
    where = f"--set {key.strip()}"
    return Override(path, _value(path, raw, where), Origin("override", where))


def parse_environment(environ: Mapping[str, str]) -> tuple[Override, ...]:
    """The overrides that the environment holds, in order of their names.

    `GLM_DEPLOY__ENGINE__KV_CACHE_DTYPE=bf16` sets `engine.kv_cache_dtype`; below `ENV` names keep
    their case, below `ENGINE__EXTRA_ARGS` they become flags (`MAX_QUEUED_REQUESTS`).

    Raises:
        UsageError: a value is not YAML.
    """
    overrides = []
    for name in sorted(n for n in environ if n.startswith(ENVIRONMENT_PREFIX)):
        path = _environment_path(name.removeprefix(ENVIRONMENT_PREFIX))
        value = _value(path, environ[name], name)
        overrides.append(Override(path, value, Origin("environment", name)))
    return tuple(overrides)


def as_tree(override: Override) -> dict[str, Any]:
    """The override as a nested map with one leaf."""
    tree: Any = override.value
    for part in reversed(override.path):
        tree = {part: tree}
    return dict(tree)


def _split(key: str) -> Path:
    parts = tuple(key.split("."))
    for free in FREE_MAPS:
        if parts[: len(free)] == free and len(parts) > len(free):
            return (*free, ".".join(parts[len(free) :]))
    return parts


def _environment_path(name: str) -> Path:
    section, _, rest = name.partition("__")
    if section.upper() == "ENV" and rest:
        return ("env", rest)
    parts = tuple(part.lower() for part in name.split("__"))
    if parts[:2] == ("engine", "extra_args") and len(parts) > 2:
        return (*parts[:2], "--" + "-".join(parts[2:]).replace("_", "-"))
    return parts


def _value(path: Path, raw: str, where: str) -> Any:
    # Python hands on bytes of the command line that are not UTF-8 as lone surrogates.
    if any("\ud800" <= character <= "\udfff" for character in raw):
        raise UsageError(f"{where}: the value is not UTF-8 text", remedy="Check its characters.")
    if path[:1] == ("env",):
        return None if raw == "null" else raw
    return read_yaml(raw, where, lambda inner: is_text((*path, *inner))).data
