"""A Compose file; every `$` is doubled, since Compose would put a variable in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glm_deploy.render.comments import because, header
from glm_deploy.render.yaml_text import Commented, dump

if TYPE_CHECKING:
    from glm_deploy.model import GpuRequest, Mount, Plan


def render(plan: Plan) -> dict[str, str]:
    """`{"compose.yaml": text}` with one service, named as the deployment."""
    spec = plan.spec
    tree: dict[str, Any] = {
        # Compose drops dots from a project's name, and two names could become one.
        "name": spec.container_name.replace(".", "_"),
        "services": {spec.name: _service(plan)},
    }
    volumes = [mount.source for mount in spec.mounts if mount.kind == "volume"]
    if volumes:
        # Without a name of its own Compose would prefix the volume with the project's.
        tree["volumes"] = {name: {"name": name} for name in volumes}
    comments = "\n".join(f"# {line}" for line in header(plan))
    return {"compose.yaml": f"{comments}\n{dump(tree)}"}


def _service(plan: Plan) -> dict[str, Any]:
    spec = plan.spec

    def explained(value: str | int, subject: str) -> Commented:
        text = _literal(value) if isinstance(value, str) else value
        return Commented(text, because(plan, subject))

    service: dict[str, Any] = {
        "image": explained(spec.image, "image.digest" if "@" in spec.image else "image.ref"),
        "container_name": spec.container_name,
        "command": _command(plan),
        "environment": {name: explained(value, name) for name, value in spec.env.items()},
        "ipc": explained(spec.ipc, "container.ipc"),
        "shm_size": explained(spec.shm_size_bytes, "container.shm_size"),
        "network_mode": explained(spec.network, "container.network"),
        "ulimits": {
            limit.name: {
                "soft": explained(limit.soft, f"container.ulimits.{limit.name}"),
                "hard": limit.hard,
            }
            for limit in spec.ulimits
        },
        "volumes": [_volume(plan, mount) for mount in spec.mounts],
        "tmpfs": [explained(target, f"container.tmpfs.{target}") for target in spec.tmpfs],
        "restart": explained(str(spec.restart), "container.restart"),
        "stop_grace_period": explained(f"{spec.stop_timeout_s}s", "container.stop_timeout_s"),
        "logging": {
            "driver": explained(spec.log_driver, "container.log"),
            "options": {name: _literal(value) for name, value in spec.log_options.items()},
        },
        "healthcheck": _healthcheck(plan),
        "labels": {name: _literal(value) for name, value in spec.labels.items()},
    }
    if spec.gpus:
        device = {**_devices(plan, spec.gpus), "capabilities": ["gpu"]}
        service["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
    return {key: value for key, value in service.items() if value not in ({}, [])}


def _command(plan: Plan) -> list[str | Commented]:
    words: list[str | Commented] = [_literal(word) for word in plan.launcher]
    for decision in plan.flags:
        first, *rest = decision.words
        words.append(Commented(_literal(first), because(plan, decision.subject)))
        words.extend(_literal(word) for word in rest)
    return words


def _volume(plan: Plan, mount: Mount) -> dict[str, Any]:
    reason = because(plan, f"container.volumes.{mount.target}")
    volume: dict[str, Any] = {
        "type": mount.kind,
        "source": Commented(_literal(mount.source), reason),
        "target": _literal(mount.target),
    }
    if mount.read_only:
        volume["read_only"] = True
    elif mount.kind == "bind":
        # As `docker run --volume` does; the long form of Compose would refuse to start instead.
        volume["bind"] = {"create_host_path": True}
    return volume


def _healthcheck(plan: Plan) -> dict[str, Any]:
    health = plan.spec.health
    command = Commented(_literal(health.command), because(plan, "readiness.health"))
    return {
        "test": ["CMD-SHELL", command],
        "interval": f"{health.interval_s}s",
        "timeout": f"{health.timeout_s}s",
        "start_period": f"{health.start_period_s}s",
        "retries": health.retries,
    }


def _devices(plan: Plan, request: GpuRequest) -> dict[str, Any]:
    """Compose takes a count or IDs, never both."""
    reason = because(plan, "container.devices")
    if request.all:
        return {"count": Commented("all", reason)}
    return {"device_ids": [Commented(_literal(gpu), reason) for gpu in request.device_ids]}


def _literal(text: str) -> str:
    return text.replace("$", "$$")
