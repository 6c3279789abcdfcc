"""The options of `docker run` for a launch spec, each with the subject that explains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.model import LaunchSpec

Option = tuple[str, tuple[str, ...]]


def docker_options(spec: LaunchSpec) -> list[Option]:
    """(subject, words) for each option that goes between `docker run` and the image."""
    return [*_options(spec)]


def _options(spec: LaunchSpec) -> Iterator[Option]:
    yield "", ("--detach",)
    yield "", ("--name", spec.container_name)
    if spec.gpus:
        yield "container.devices", ("--gpus", _gpus(spec.gpus.device_ids))
    yield "container.ipc", ("--ipc", spec.ipc)
    yield "container.shm_size", ("--shm-size", str(spec.shm_size_bytes))
    yield "container.network", ("--network", spec.network)
    for limit in spec.ulimits:
        yield (
            f"container.ulimits.{limit.name}",
            ("--ulimit", f"{limit.name}={limit.soft}:{limit.hard}"),
        )
    for mount in spec.mounts:
        suffix = ":ro" if mount.read_only else ""
        yield (
            f"container.volumes.{mount.target}",
            ("--volume", f"{mount.source}:{mount.target}{suffix}"),
        )
    for target in spec.tmpfs:
        yield f"container.tmpfs.{target}", ("--tmpfs", target)
    for name, value in spec.env.items():
        yield name, ("--env", f"{name}={value}")
    yield "container.restart", ("--restart", str(spec.restart))
    yield "container.stop_timeout_s", ("--stop-timeout", str(spec.stop_timeout_s))
    yield "container.log", ("--log-driver", spec.log_driver)
    for name, value in spec.log_options.items():
        yield "container.log", ("--log-opt", f"{name}={value}")
    yield "readiness.health", ("--health-cmd", spec.health.command)
    yield "readiness.health", ("--health-interval", f"{spec.health.interval_s}s")
    yield "readiness.health", ("--health-timeout", f"{spec.health.timeout_s}s")
    yield "readiness.health", ("--health-start-period", f"{spec.health.start_period_s}s")
    yield "readiness.health", ("--health-retries", str(spec.health.retries))
    for name, value in spec.labels.items():
        yield "", ("--label", f"{name}={value}")


def _gpus(device_ids: tuple[str, ...]) -> str:
    """Docker reads `--gpus` as CSV, so several IDs need quotes of their own inside the word."""
    return f'"device={",".join(device_ids)}"' if device_ids else "all"
