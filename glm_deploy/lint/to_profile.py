"""Turns a foreign launch into the smallest profile that extends a shipped one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args, get_origin

import yaml

from glm_deploy.lint.spec import ANY_FLAG, ANY_OPTION
from glm_deploy.profile.schema import OWNED_FLAGS, EngineArguments
from glm_deploy.rules import CATALOGUE, Case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glm_deploy.lint.spec import Reading
    from glm_deploy.model import LaunchSpec
    from glm_deploy.profile.load import Resolved
    from glm_deploy.profile.schema import Profile

_FLAG = re.compile(r"--[a-z0-9][a-z0-9-]*")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SOURCE = re.compile(r"((/|~/)[^:\n]*|~|[A-Za-z0-9][A-Za-z0-9_.-]+)")
_TARGET = re.compile(r"/[^:\n]*")
# Text that YAML reads back as the very text without quotation marks.
_PLAIN = re.compile(r"[A-Za-z/~][A-Za-z0-9_./@-]*(?::[A-Za-z0-9_./@-]+)*")
_RESERVED = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"}
_TYPED = {
    "--" + key.replace("_", "-"): key for key in EngineArguments.model_fields if key != "extra_args"
}

# Flags of which a profile always writes one, and the value that the engine has without it.
_ALWAYS = {
    "--tensor-parallel-size": "1",
    "--host": "127.0.0.1",
    "--port": "30000",
    "--served-model-name": "the model path",
}


@dataclass(slots=True)
class Imported:
    """A profile as YAML text, the shipped one it extends, and what it could not take over."""

    base: str
    text: str
    left: tuple[str, ...]


@dataclass(slots=True)
class _Draft:
    """The values over a base profile, as nested maps, and what is left out."""

    base: Profile
    data: dict[str, Any] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def put(self, value: Any, *path: str) -> None:
        """Set a value where the base has another."""
        if value != self.of_base(*path):
            section = self.data
            for key in path[:-1]:
                section = section.setdefault(key, {})
            section[path[-1]] = value

    def of_base(self, *path: str) -> Any:
        """The base's value at `path`."""
        value: Any = self.base
        for key in path:
            value = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
        return value


def to_profile(reading: Reading, bases: Mapping[str, Resolved], where: str) -> Imported:
    """The shortest profile of those that extend one of `bases`; `where` names the document."""
    drafts = []
    for name, resolved in bases.items():
        draft = _draft(reading, resolved.profile)
        head: dict[str, Any] = {
            "summary": f"imported from {where}",
            "extends": name,
            "evidence": {
                "basis": "reported",
                "sources": [where],
                "note": "Taken over by glm-deploy import; not tried.",
            },
        }
        text = yaml.dump(
            head | draft.data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
        )
        drafts.append(Imported(name, text, tuple(dict.fromkeys(draft.left))))
    return min(drafts, key=lambda imported: (len(imported.text), imported.base))


def _draft(reading: Reading, base: Profile) -> _Draft:
    draft = _Draft(base)
    spec = reading.spec
    case = Case(spec, None, reading.own)
    values = {g.flag or g.written: g.values for g in case.catalogue.read(case.engine_argv).given}
    _model(draft, spec, values)
    _engine(draft, values)
    _environment(draft, spec)
    _undecided(draft, case, values)
    _container(draft, reading)
    for subject, reason in reading.doubts.items():
        if subject in {ANY_FLAG, ANY_OPTION}:
            draft.left.append(reason)
        else:
            draft.left.append(f"{reason}: known only where the command runs")
    draft.left += [note.text for note in reading.foreign.notes]
    return draft


def _model(draft: _Draft, spec: LaunchSpec, values: Mapping[str, tuple[str, ...]]) -> None:
    draft.put(spec.hardware.gpus, "hardware", "gpus")
    draft.put(spec.model.id or draft.of_base("model", "id"), "model", "id")
    draft.put(spec.served_name or draft.of_base("model", "id"), "model", "served_name")
    draft.put(spec.model.revision, "model", "revision")
    draft.put(_first(values, "--quantization"), "model", "quantization")
    draft.put(_whole(values, "--tensor-parallel-size", draft), "parallelism", "tensor")
    draft.put(_whole(values, "--pipeline-parallel-size", draft), "parallelism", "pipeline")
    draft.put(spec.host, "server", "host")
    draft.put(spec.port, "server", "port")
    for flag, default in _ALWAYS.items():
        if flag not in values:
            draft.left.append(f"{flag} is written out, with the engine's default: {default}")
    for flag in ("--api-key", "--config"):
        if flag in values:
            draft.left.append(f"{flag}: put the key into a file and name it in server.api_key_file")


def _first(values: Mapping[str, tuple[str, ...]], flag: str) -> str | None:
    found = values.get(flag)
    return found[0] if found else None


def _whole(values: Mapping[str, tuple[str, ...]], flag: str, draft: _Draft) -> int:
    text = _first(values, flag)
    if text is None:
        return 1
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        draft.left.append(f"{flag} {text}")
        return 1
    return int(text)


def _engine(draft: _Draft, values: Mapping[str, tuple[str, ...]]) -> None:
    """Every other flag: with a typed key where that writes the very same words."""
    for flag, words in values.items():
        if flag in OWNED_FLAGS:
            continue
        if not _FLAG.fullmatch(flag):
            draft.left.append(" ".join((flag, *words)))
            continue
        key = _TYPED.get(flag)
        typed = _typed(key, words) if key else None
        if key and typed is not None:
            draft.put(typed, "engine", key)
            continue
        if key and draft.of_base("engine", key) is not None:
            draft.put(None, "engine", key)
        draft.put(_loose(words), "engine", "extra_args", flag)
    for flag, key in _TYPED.items():
        if flag not in values and draft.of_base("engine", key) not in (None, False):
            draft.put(None, "engine", key)
    for flag in draft.of_base("engine", "extra_args"):
        if flag not in values:
            draft.put(None, "engine", "extra_args", flag)


def _loose(words: tuple[str, ...]) -> Any:
    if not words:
        return True
    return words[0] if len(words) == 1 else list(words)


def _typed(key: str, words: tuple[str, ...]) -> Any:
    """The value of a typed key, or `None` where it would not write these very words."""
    kinds = _kinds(EngineArguments.model_fields[key].annotation)
    if not words:
        return True if bool in kinds else None
    text = words[0]
    if len(words) > 1 or not text:
        return None
    if dict in kinds:
        return _exact_map(text)
    if float in kinds:
        number = float(text) if re.fullmatch(r"0\.\d{1,9}", text) else 0.0
        return number if str(number) == text and 0 < number < 1 else None
    if int in kinds:
        return int(text) if re.fullmatch(r"[1-9]\d{0,11}", text) else None
    return text if str in kinds else None


def _kinds(annotation: Any) -> set[Any]:
    """The plain types in an annotation such as `Annotated[int, ...] | None`."""
    parts = [annotation, *get_args(annotation)]
    found = {get_origin(part) or part for part in parts}
    return {kind for kind in found if isinstance(kind, type)} | {
        kind for part in parts[1:] if part is not annotation for kind in _kinds(part)
    }


def _exact_map(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and value and json.dumps(value) == text else None


def _environment(draft: _Draft, spec: LaunchSpec) -> None:
    for name, value in spec.env.items():
        if _ENV.fullmatch(name):
            draft.put(value, "env", name)
        else:
            draft.left.append(f"{name}={value}")
    for name in draft.of_base("env"):
        if name not in spec.env:
            draft.put(None, "env", name)


def _undecided(draft: _Draft, case: Case, values: Mapping[str, tuple[str, ...]]) -> None:
    """What rules would fill in although the launch has nothing there."""
    # A process gets the image of the profile, and with it what rules know of that image.
    image = case.spec.image or str(draft.of_base("image", "ref"))
    planned = Case(replace(case.spec, image=image), None, case.catalogue)
    chosen = (
        subject
        for rule in CATALOGUE.values()
        if rule.applies(planned)
        for subject in rule.decides(planned)
    )
    open_ones = [s for s in chosen if s not in values and s not in case.spec.env]
    if open_ones:
        draft.data["undecided"] = list(dict.fromkeys(open_ones))


def _container(draft: _Draft, reading: Reading) -> None:
    spec, foreign = reading.spec, reading.foreign
    around = spec.surroundings
    _identity(draft, spec)
    if foreign.container is None or around is None:
        draft.left.append(
            f"it runs in no container; the profile's is {draft.of_base('image', 'ref')}"
        )
        return
    _image(draft, spec)
    devices: Any = "all" if spec.gpus is None or spec.gpus.all else list(spec.gpus.device_ids)
    draft.put(devices, "container", "devices")
    draft.put(spec.ipc if spec.ipc in {"host", "shareable"} else "private", "container", "ipc")
    draft.put(spec.shm_size_bytes, "container", "shm_size")
    draft.put(spec.restart.policy, "container", "restart", "policy")
    if spec.restart.policy == "on-failure":
        draft.put(spec.restart.max_retries, "container", "restart", "max_retries")
    _mounts(draft, spec)
    limits = {u.name: u.soft if u.soft == u.hard else _range(u.soft, u.hard) for u in spec.ulimits}
    for name, limit in limits.items():
        draft.put(limit, "container", "ulimits", name)
    for name in draft.of_base("container", "ulimits"):
        if name not in limits:
            draft.put(None, "container", "ulimits", name)
    for target in spec.tmpfs:
        draft.put(True, "container", "tmpfs", target)
    if spec.network != "host":
        draft.left.append(f"network {spec.network}: the profile's container uses the host's")
    draft.left += [f"published port {port}" for port in around.ports]
    if around.privileged:
        draft.left.append("privileged")
    if around.entrypoint is not None:
        draft.left.append(f"entrypoint {' '.join(around.entrypoint)}".rstrip())


def _range(soft: int, hard: int) -> dict[str, int]:
    return {"soft": soft, "hard": hard}


def _image(draft: _Draft, spec: LaunchSpec) -> None:
    ref, _, digest = spec.image.partition("@")
    if not re.fullmatch(r"[A-Za-z0-9]\S*", ref):
        draft.left.append("the image is known only where the command runs")
        return
    draft.put(ref, "image", "ref")
    if re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        draft.put(digest, "image", "digest")


def _identity(draft: _Draft, spec: LaunchSpec) -> None:
    draft.put(spec.engine.version, "image", "engine", "version")
    draft.put(spec.engine.parser, "image", "engine", "parser")
    draft.put(spec.engine.patched, "image", "engine", "patched")
    if "engine" in draft.data.get("image", {}) and draft.of_base("image", "engine", "releases"):
        draft.put(None, "image", "engine", "releases")


def _mounts(draft: _Draft, spec: LaunchSpec) -> None:
    taken = set()
    for mount in spec.mounts:
        if not (_TARGET.fullmatch(mount.target) and _SOURCE.fullmatch(mount.source)):
            draft.left.append(f"mount {mount.source}:{mount.target}")
            continue
        taken.add(mount.target)
        draft.put(mount.source, "container", "volumes", mount.target)
        if mount.read_only:
            draft.left.append(f"mount {mount.target} is read-only")
    for target in draft.of_base("container", "volumes"):
        if target not in taken:
            draft.put(None, "container", "volumes", target)


class _Dumper(yaml.SafeDumper):
    """Writes text in quotation marks unless YAML 1.2 reads it back as the very same text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    style = None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
