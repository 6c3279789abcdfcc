"""Turns a profile into a plan: one launch spec, and a *because* for every value in it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glm_deploy.errors import UsageError
from glm_deploy.model import (
    LABEL_PREFIX,
    Decision,
    Engine,
    GpuRequest,
    Hardware,
    Health,
    LaunchSpec,
    Model,
    Mount,
    Origin,
    Plan,
    Readiness,
    Restart,
    Ulimit,
)
from glm_deploy.rules import CATALOGUE, Case
from glm_deploy.rules.case import LAUNCHER
from glm_deploy.sglang.catalogue import UnknownCatalogue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.profile.load import Resolved
    from glm_deploy.profile.schema import Container, Profile
    from glm_deploy.profile.yaml_tree import Path
    from glm_deploy.sglang.catalogue import Catalogue

# Where the operator's API key file is mounted; sglang wants the ending .yaml.
API_KEY_TARGET = "/run/glm-deploy/server.yaml"

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


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")


@dataclass(frozen=True, slots=True)
class _Value:
    """The words of a flag (none for a bare one) or of a variable, and where they came from."""

    words: tuple[str, ...]
    origin: Origin


def make_plan(
    resolved: Resolved,
    *,
    name: str,
    home: str,
    allow: Iterable[str] = (),
    catalogue: Catalogue | None = None,
) -> Plan:
    """Decide everything: the profile's values first, then what rules fill in.

    `name` is the deployment's name, `home` the absolute path that `~` stands for. `catalogue` is
    the image's own parser where it was captured: nothing about the engine is guessed then.

    Raises:
        UsageError: the profile names a flag catalogue that there is not.
    """
    flags = _profile_flags(resolved)
    env = _profile_env(resolved)
    engine = _engine(resolved.profile, catalogue)
    draft = _spec(resolved.profile, engine, flags, env, name, home)
    case = _case(draft, catalogue)
    declined = {*flags, *_declined(resolved.profile), *resolved.profile.undecided}
    for subject, value in _rule_choices(case, declined, env):
        (flags if subject.startswith("--") else env)[subject] = value
    flags = _in_reading_order(flags, typed=[_flag(key) for key in vars(resolved.profile.engine)])
    spec = _spec(resolved.profile, engine, flags, env, name, home)
    spec = replace(spec, labels=_labels(spec))
    decisions = (
        *(
            Decision(flag, " ".join(value.words), value.origin, (flag, *value.words))
            for flag, value in flags.items()
        ),
        *(Decision(variable, value.words[0], value.origin) for variable, value in env.items()),
        *_container_decisions(resolved, spec),
    )
    parser = f"sglang {catalogue.version}: {catalogue.source}" if catalogue else ""
    return Plan(spec, decisions, tuple(allow), parser)


def _profile_flags(resolved: Resolved) -> dict[str, _Value]:
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
        flag: _Value(_words(value), resolved.origin(*path))
        for flag, value, path in values
        if value is not None and value is not False
    }


def _declined(profile: Profile) -> set[str]:
    """The switches that the profile sets to false: decided, and so not left to a rule."""
    typed = {_flag(key): value for key, value in vars(profile.engine).items()}
    return {flag for flag, v in {**typed, **profile.engine.extra_args}.items() if v is False}


def _engine(profile: Profile, captured: Catalogue | None) -> Engine:
    """What the profile says of the image's engine; a captured parser knows better."""
    engine = profile.image.engine
    if captured is None:
        return Engine(engine.version, engine.parser, engine.patched)
    # A fork's catalogue names a commit, where rules compare release numbers.
    version = captured.version if captured.version[:1].isdigit() else engine.version
    return Engine(version, engine.parser, patched=False)


def _case(draft: LaunchSpec, captured: Catalogue | None) -> Case:
    try:
        return Case(draft, catalogue=captured)
    except UnknownCatalogue as error:
        raise UsageError(
            f"image.engine.parser: {error}",
            remedy="Name the one that is nearest to the image, and set image.engine.patched=true.",
        ) from None


def _words(value: Any) -> tuple[str, ...]:
    if value is True:
        return ()
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    if isinstance(value, dict):
        return (json.dumps(value),)
    return (str(value),)


def _profile_env(resolved: Resolved) -> dict[str, _Value]:
    return {
        name: _Value((value,), resolved.origin("env", name))
        for name, value in resolved.profile.env.items()
        if value is not None
    }


def _rule_choices(case: Case, flags: set[str], env: dict[str, _Value]) -> list[tuple[str, _Value]]:
    """What rules decide where neither the profile nor an override did."""
    choices = []
    for item in CATALOGUE.values():
        if not item.applies(case):
            continue
        for subject, value in item.decides(case).items():
            taken = case.has(subject) if subject.startswith("--") else subject in env
            if not taken and subject not in flags:
                origin = Origin("rule", item.id, item.title)
                bare = subject.startswith("--") and value == ""
                choices.append((subject, _Value(() if bare else (value,), origin)))
    return choices


def _in_reading_order(flags: dict[str, _Value], typed: list[str]) -> dict[str, _Value]:
    head = [flag for flag in (*_LEADING, *typed) if flag in flags]
    tail = [flag for flag in _TRAILING if flag in flags]
    middle = [flag for flag in flags if flag not in head and flag not in tail]
    ordered = dict.fromkeys((*head, *middle, *tail))
    return {flag: flags[flag] for flag in ordered}


def _spec(
    profile: Profile,
    engine: Engine,
    flags: dict[str, _Value],
    env: dict[str, _Value],
    name: str,
    home: str,
) -> LaunchSpec:
    container, server, readiness = profile.container, profile.server, profile.readiness
    major, minor = profile.hardware.compute_capability.split(".")
    digest = profile.image.digest
    spec = LaunchSpec(
        name=name,
        profile=profile.name,
        image=f"{profile.image.ref}@{digest}" if digest else profile.image.ref,
        argv=(*LAUNCHER, *(w for flag, v in flags.items() for w in (flag, *v.words))),
        env={key: value.words[0] for key, value in env.items()},
        mounts=_mounts(profile, home),
        tmpfs=tuple(target for target, wanted in container.tmpfs.items() if wanted),
        gpus=GpuRequest(() if container.devices == "all" else tuple(container.devices)),
        ipc=container.ipc,
        shm_size_bytes=container.shm_size,
        network=container.network,
        ulimits=_ulimits(container),
        restart=_restart(container),
        stop_timeout_s=container.stop_timeout_s,
        log_driver="json-file",
        log_options={
            "max-size": str(container.log.max_size),
            "max-file": str(container.log.max_files),
        },
        health=Health("", 0, 0, 0, 0),
        host=server.host,
        port=server.port,
        served_name=profile.model.served_name,
        api_key_file=_expand(server.api_key_file, home) if server.api_key_file else None,
        engine=engine,
        model=Model(profile.model.id, profile.model.revision),
        hardware=Hardware(
            profile.hardware.gpus,
            (int(major), int(minor)),
            profile.hardware.name_contains,
            profile.hardware.memory_mib_min,
        ),
        readiness=Readiness(readiness.boot_timeout_s, readiness.first_turn_timeout_s),
    )
    return replace(spec, health=_health(profile, spec))


def _restart(container: Container) -> Restart:
    """Docker refuses a number of retries with any policy but `on-failure`."""
    policy = container.restart.policy
    return Restart(policy, container.restart.max_retries if policy == "on-failure" else 0)


def _health(profile: Profile, spec: LaunchSpec) -> Health:
    readiness = profile.readiness
    url = json.dumps(f"{spec.endpoint}/health")
    request = f"import urllib.request as r; r.urlopen({url}, timeout={readiness.health_timeout_s})"
    return Health(
        command=shlex.join(("python3", "-c", request)),
        interval_s=readiness.health_interval_s,
        timeout_s=readiness.health_timeout_s + 5,
        start_period_s=readiness.boot_timeout_s,
        retries=readiness.health_retries,
    )


def _mounts(profile: Profile, home: str) -> tuple[Mount, ...]:
    mounts = []
    for target, source in profile.container.volumes.items():
        if source is not None:
            kind = "bind" if source.startswith(("/", "~")) else "volume"
            mounts.append(Mount(kind, _expand(source, home), target))  # type: ignore[arg-type]
    if profile.server.api_key_file:
        source = _expand(profile.server.api_key_file, home)
        mounts.append(Mount("bind", source, API_KEY_TARGET, read_only=True))
    return tuple(mounts)


def _expand(path: str, home: str) -> str:
    return home + path[1:] if path == "~" or path.startswith("~/") else path


def _ulimits(container: Container) -> tuple[Ulimit, ...]:
    limits = []
    for name, value in container.ulimits.items():
        if isinstance(value, int):
            limits.append(Ulimit(name, value, value))
        elif isinstance(value, dict):
            limits.append(Ulimit(name, value["soft"], value["hard"]))
    return tuple(limits)


def _labels(spec: LaunchSpec) -> dict[str, str]:
    """What finds and describes the container later, without any state file."""
    values = {
        "deployment": spec.name,
        "profile": spec.profile,
        "plan": spec.digest(),
        "endpoint": spec.endpoint,
        "served-name": spec.served_name,
    }
    return {f"{LABEL_PREFIX}.{key}": value for key, value in values.items()}


def _container_decisions(resolved: Resolved, spec: LaunchSpec) -> list[Decision]:
    """The origin of everything about the container that is neither flag nor variable."""
    request = spec.gpus
    subjects: list[tuple[Path, str]] = [
        (("image", "digest") if "@" in spec.image else ("image", "ref"), spec.image),
        (("container", "devices"), ",".join(request.device_ids) if request else ""),
        (("container", "ipc"), spec.ipc),
        (("container", "shm_size"), str(spec.shm_size_bytes)),
        (("container", "network"), spec.network),
        (("container", "restart"), str(spec.restart)),
        (("container", "stop_timeout_s"), str(spec.stop_timeout_s)),
        (("container", "log"), spec.log_driver),
        (("readiness", "health"), spec.health.command),
        *((("container", "ulimits", u.name), f"{u.soft}:{u.hard}") for u in spec.ulimits),
        *((("container", "tmpfs", target), "") for target in spec.tmpfs),
    ]
    decisions = [Decision(".".join(p), value, resolved.origin(*p)) for p, value in subjects]
    for mount in spec.mounts:
        target = ("container", "volumes", mount.target)
        path = ("server", "api_key_file") if mount.target == API_KEY_TARGET else target
        decisions.append(Decision(".".join(target), mount.source, resolved.origin(*path)))
    return decisions
