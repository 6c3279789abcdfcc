"""What was observed on one host at one moment, as JSON that replays anywhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glm_deploy.errors import UsageError


class _Observed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gpu(_Observed):
    """One GPU as NVML reports it. `None` is "could not be observed", never "absent" and never 0."""

    uuid: str | None = None
    pci_address: str | None = None
    name: str | None = None
    compute_capability: tuple[int, int] | None = None
    memory_total_mib: Annotated[int, Field(ge=0)] | None = None
    memory_used_mib: Annotated[int, Field(ge=0)] | None = None


class NvmlStatus(_Observed):
    """How loading NVML ended: its return code (0 is success) and its message."""

    code: int
    message: str


class PortUse(_Observed):
    """Whether a TCP port can be bound, and by whom it is held as far as that can be seen."""

    free: bool
    holder: str | None = None


class Facts(_Observed):
    """One host at one moment.

    Every field may be `None`: it could not be observed, and `unobserved` maps its name (for a
    GPU's field `gpus.0.name`) to the reason. `driver_version` is the text NVML gives
    ("580.65.06"), `cuda_driver_version` NVML's integer (13000 is CUDA 13.0).
    """

    schema_version: Literal[1] = 1
    observed_at: str | None = None
    tool_version: str | None = None
    nvml: NvmlStatus | None = None
    driver_version: str | None = None
    cuda_driver_version: int | None = None
    gpus: tuple[Gpu, ...] | None = None
    ports: dict[int, PortUse] | None = None
    unobserved: dict[str, str] = {}

    def reason(self, field: str) -> str:
        """Why `field` could not be observed."""
        return self.unobserved.get(field, f"{field} was not observed on this host")


def parse_facts(text: str, where: str) -> Facts:
    """Read facts from JSON text; `where` names the text in errors.

    Raises:
        UsageError: the text is not JSON, or not facts that this version knows.
    """
    try:
        return Facts.model_validate_json(text)
    except ValidationError as error:
        raise UsageError(
            f"{where} is not a facts file: {_first(error.errors()[0])}",
            remedy="Write one with `glm-deploy probe > host.json`.",
        ) from None


def _first(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    return f"{place}: {error['msg']}" if place else str(error["msg"])
