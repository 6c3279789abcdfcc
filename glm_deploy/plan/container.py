"""The container around the engine: image, mounts, limits, health and labels."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

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
    Readiness,
    Restart,
    Ulimit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glm_deploy.profile.load import Resolved
    from glm_deploy.profile.schema import Container, Profile
    from glm_deploy.profile.yaml_tree import Path

# Where the operator's API key file is mounted; sglang wants the ending .yaml.
API_KEY_TARGET = "/run/glm-deploy/server.yaml"


def launch_spec(
    profile: Profile,
    engine: Engine,
    argv: tuple[str, ...],
    env: Mapping[str, str],
    *,
    name: str,
    home: str,
) -> LaunchSpec:
    """The spec of `argv` in the profile's container, labels aside; `~` becomes `home`."""
    container, server, readiness = profile.container, profile.server, profile.readiness
    major, minor = profile.hardware.compute_capability.split(".")
    digest = profile.image.digest
    spec = LaunchSpec(
        name=name,
        profile=profile.name,
        image=f"{profile.image.ref}@{digest}" if digest else profile.image.ref,
        argv=argv,
        env=env,
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


def labels(spec: LaunchSpec) -> dict[str, str]:
    """What finds and describes the container later, without any state file."""
    values = {
        "deployment": spec.name,
        "profile": spec.profile,
        "plan": spec.digest(),
        "endpoint": spec.endpoint,
        "served-name": spec.served_name,
    }
    return {f"{LABEL_PREFIX}.{key}": value for key, value in values.items()}


def container_decisions(resolved: Resolved, spec: LaunchSpec) -> list[Decision]:
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
