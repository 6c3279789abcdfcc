"""Reads a rule's fix (`--set engine.kv_cache_dtype=bf16`) as changes to a foreign launch."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

_FLAGS = {
    "model.id": "--model-path",
    "model.revision": "--revision",
    "model.served_name": "--served-model-name",
    "model.quantization": "--quantization",
    "parallelism.tensor": "--tensor-parallel-size",
    "parallelism.pipeline": "--pipeline-parallel-size",
    "server.host": "--host",
    "server.port": "--port",
    "server.api_key_file": "--config",
}
# A fix that offers a choice, or that holds a word in capitals to be filled in, needs a person.
_CHOICE = re.compile(r"(?:^|,? )or (?:--|tensor)|\$\(|=[A-Z]{4,}\b|\bIMAGE\b|\.\.\.|server\.yaml")
_USE = re.compile(r"Use (--[a-z0-9-]+)\.")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: set `name` to `value`, or take it out where `value` is `None`.

    A flag that stands alone has the value `""`. Container names are those of profiles (`ipc`).
    """

    kind: Literal["flag", "env", "container", "rename"]
    name: str
    value: str | None


def changes_of(fix: str) -> tuple[Change, ...]:
    """The changes of a fix; none when it needs judgement, or is no change to the launch."""
    if renamed := _USE.fullmatch(fix):
        return (Change("rename", "", renamed[1]),)
    if _CHOICE.search(fix) or not fix.startswith("--set "):
        return ()
    return _sets(fix)


def _sets(fix: str) -> tuple[Change, ...]:
    try:
        words = shlex.split(fix)
    except ValueError:
        return ()
    found = []
    for option, setting in zip(words[::2], words[1::2], strict=False):
        key, equals, value = setting.partition("=")
        change = _change(key, None if value == "null" else value)
        if option != "--set" or not equals or change is None:
            return ()
        found.append(change)
    if len(words) % 2:
        return ()
    return tuple(_with_retries(found))


def _change(key: str, value: str | None) -> Change | None:
    section, _, rest = key.partition(".")
    if key in _FLAGS:
        return Change("flag", _FLAGS[key], value)
    if section == "engine":
        flag = rest.removeprefix("extra_args.")
        name = flag if flag.startswith("--") else "--" + flag.replace("_", "-")
        return Change("flag", name, {"true": "", "false": None}.get(value or "", value))
    if section == "env":
        return Change("env", rest, value)
    return Change("container", rest, value) if section == "container" else None


def _with_retries(changes: list[Change]) -> Iterable[Change]:
    """The restart policy and its bound are two keys of a profile and one word of Docker's."""
    retries = next((c.value for c in changes if c.name == "restart.max_retries"), None)
    for change in changes:
        if change.name == "restart.policy":
            bound = f":{retries}" if retries else ""
            yield Change("container", "restart", f"{change.value}{bound}")
        elif change.name != "restart.max_retries":
            yield change


def in_words(fix: str, *, docker: bool) -> str:
    """The fix as words of a command for people: `--kv-cache-dtype bf16`, `-e NAME=value`.

    A fix that is not about keys of a profile stays as it is.
    """
    parts = re.split(r"(,? or | \(|, or )", fix)
    return "".join(_in_words(part, docker) for part in parts)


def _in_words(part: str, docker: bool) -> str:
    changes = _sets(part.rstrip(",")) if part.startswith("--set ") else ()
    if changes:
        return ", ".join(filter(None, (_said(change, docker) for change in changes)))
    digest = re.match(r"--set image\.digest=\$\(docker image inspect", part)
    if digest is None:
        return part
    command = part[len("--set image.digest=$(") :].partition(" | ")[0]
    return f"Write IMAGE@sha256:... as this prints it: {command}"


def _said(change: Change, docker: bool) -> str:
    if change.kind == "env":
        if change.value is None:
            return f"remove {change.name}"
        return f"{'-e ' if docker else ''}{change.name}={shlex.quote(change.value)}"
    if change.kind == "container":
        return " ".join(docker_option(change) or (f"container.{change.name}={change.value}",))
    if change.value is None:
        return f"remove {change.name}"
    return f"{change.name} {shlex.quote(change.value)}" if change.value else change.name


def docker_option(change: Change) -> tuple[str, ...]:
    """The words that `docker run` takes for a change of the container; none if it has none."""
    name, value = change.name, change.value or ""
    if name in {"ipc", "network", "restart"}:
        return (f"--{name}", value)
    if name == "shm_size":
        return ("--shm-size", value)
    if name.startswith("ulimits."):
        return ("--ulimit", f"{name.removeprefix('ulimits.')}={value}")
    if name.startswith("tmpfs."):
        return ("--tmpfs", name.removeprefix("tmpfs."))
    if name.startswith("volumes."):
        return ("-v", f"{value}:{name.removeprefix('volumes.')}")
    if name == "devices":
        try:
            return ("--gpus", f'"device={",".join(map(str, json.loads(value)))}"')
        except (ValueError, TypeError):
            return ("--gpus", "all")
    return ()
