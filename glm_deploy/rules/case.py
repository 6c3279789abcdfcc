"""What a rule looks at: one launch spec read through its flag catalogue, and perhaps a host."""

from __future__ import annotations

import math
import re
from functools import cached_property
from typing import TYPE_CHECKING

from glm_deploy import known
from glm_deploy.sglang import catalogue

if TYPE_CHECKING:
    from glm_deploy.facts import Facts, Gpu
    from glm_deploy.model import LaunchSpec

# The command that starts the engine; what follows it is the engine's own argv.
LAUNCHER = ("python3", "-m", "sglang.launch_server")

SM120 = (12, 0)


def release(version: str) -> tuple[int, ...]:
    """An sglang version as numbers that compare: `0.5.10.post1` is `(0, 5, 10, 1)`."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


class Case:
    """One launch, and the host it is for when `facts` are given.

    Flags are addressed by their long canonical name, whatever alias the argv uses.
    """

    def __init__(self, spec: LaunchSpec, facts: Facts | None = None) -> None:
        self.spec = spec
        self.facts = facts
        self.catalogue = catalogue.load(spec.engine.parser)

    @cached_property
    def engine_argv(self) -> tuple[str, ...]:
        """The engine's arguments, without the launcher in front of them."""
        return self.spec.argv[len(LAUNCHER) :]

    @cached_property
    def flags(self) -> dict[str, tuple[str, ...]]:
        """Each flag that is given, by canonical name, with its values; the last one wins."""
        reading = self.catalogue.read(self.engine_argv)
        return {given.flag or given.written: given.values for given in reading.given}

    def has(self, flag: str) -> bool:
        """Whether the flag is given."""
        return flag in self.flags

    def value(self, flag: str) -> str | None:
        """The flag's (first) value, or `None` when it is not given."""
        values = self.flags.get(flag)
        return values[0] if values else None

    def number(self, flag: str, default: float) -> float:
        """The flag's value as a number; `default` when it is absent or not a finite number."""
        try:
            number = float(self.value(flag) or "")
        except ValueError:
            return default
        return number if math.isfinite(number) else default

    def env(self, name: str) -> str | None:
        """The value of an environment variable of the container, or `None`."""
        return self.spec.env.get(name)

    @property
    def tensor(self) -> int:
        """The tensor parallel size."""
        return int(self.number("--tensor-parallel-size", 1))

    @property
    def pipeline(self) -> int:
        """The pipeline parallel size."""
        return int(self.number("--pipeline-parallel-size", 1))

    @property
    def speculates(self) -> bool:
        """Whether speculative decoding is on."""
        return self.has("--speculative-algorithm")

    @property
    def sm120(self) -> bool:
        """Whether the launch is for compute capability 12.0."""
        return self.spec.hardware.compute_capability == SM120

    @cached_property
    def checkpoint(self) -> known.Checkpoint | None:
        """What is known of the model, or `None`."""
        return known.checkpoint(self.spec.model.id)

    @cached_property
    def image(self) -> known.ImageRepository | None:
        """What is known of the image, or `None`."""
        return known.image_repository(self.spec.image)

    def engine_up_to(self, version: str) -> bool:
        """Whether the engine is of this release or an older one (post releases included)."""
        wanted = release(version)
        return release(self.spec.engine.version)[: len(wanted)] <= wanted

    def selected_gpus(self) -> list[tuple[int, Gpu]]:
        """The host's GPUs that the launch uses, with their NVML index.

        Selected by index, UUID or PCI address; all of them when the launch asks for all.
        """
        gpus = list(enumerate(self.facts.gpus)) if self.facts and self.facts.gpus else []
        request = self.spec.gpus
        if request is None or request.all:
            return gpus
        wanted = set(request.device_ids)
        return [(i, g) for i, g in gpus if wanted & {str(i), g.uuid, g.pci_address}]
