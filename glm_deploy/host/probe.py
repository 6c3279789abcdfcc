"""The facts of this host, now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from glm_deploy import __version__
from glm_deploy.errors import HostError
from glm_deploy.facts import Facts, PortUse
from glm_deploy.host.nvml import observe_nvml
from glm_deploy.host.ports import EVERY_ADDRESS, observe_ports

if TYPE_CHECKING:
    from collections.abc import Iterable


def probe(ports: Iterable[int] = (), *, host: str = EVERY_ADDRESS) -> Facts:
    """Observe this host: the driver, its GPUs, and whether `ports` can be bound on `host`.

    Never raises for what a host lacks: such a fact is `None`, and `Facts.unobserved` has the
    reason. `observed_at` is UTC, ISO 8601, to the second.
    """
    nvml = observe_nvml()
    uses, unseen_ports = _ports(list(ports), host)
    return Facts(
        observed_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        tool_version=__version__,
        nvml=nvml.status,
        driver_version=nvml.driver_version,
        cuda_driver_version=nvml.cuda_driver_version,
        gpus=nvml.gpus,
        ports=uses,
        unobserved=nvml.unobserved | unseen_ports,
    )


def _ports(ports: list[int], host: str) -> tuple[dict[int, PortUse] | None, dict[str, str]]:
    if not ports:
        return None, {"ports": "The probe was not told which ports to try."}
    uses: dict[int, PortUse] = {}
    unobserved: dict[str, str] = {}
    for port in ports:
        try:
            uses |= observe_ports([port], host)
        except HostError as error:
            unobserved[f"ports.{port}"] = f"{error.message} {error.remedy}"
    return uses, unobserved
