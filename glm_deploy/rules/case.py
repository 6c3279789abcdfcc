"""What a rule looks at: one launch spec read through its flag catalogue, and perhaps a host."""

from __future__ import annotations

import math
import re
from functools import cached_property
from typing import TYPE_CHECKING

from glm_deploy import known
from glm_deploy.sglang.catalogue import load

if TYPE_CHECKING:
    from glm_deploy.facts import Facts, Gpu
    from glm_deploy.model import LaunchSpec
    from glm_deploy.sglang.catalogue import Catalogue

# The command that starts the engine; what follows it is the engine's own argv.
LAUNCHER = ("python3", "-m", "sglang.launch_server")

SM120 = (12, 0)


def release(version: str) -> tuple[int, ...]:
    """An sglang version as numbers that compare: `0.5.10.post1` is `(0, 5, 10, 1)`."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


class Case:
    """One launch, and the host it is for when `facts` are given.

    Flags are addressed by their long canonical name, whatever alias the argv uses. `catalogue` is
    the image's own parser where it was captured; else the one that the spec names.
    """

    def __init__(
        self, spec: LaunchSpec, facts: Facts | None = None, catalogue: Catalogue | None = None
    ) -> None:
        self.spec = spec
        self.facts = facts
        self.catalogue = catalogue or load(spec.engine.parser)
        self.captured = catalogue is not None

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
    def own_parser(self) -> bool:
        """Whether the catalogue is that of the very engine, and not of a relative."""
        return self.captured or not self.spec.engine.patched

    @property
    def ranks(self) -> int:
        """How many GPUs of one host the launch asks for: one for each of its ranks there."""
        data = 1 if self.has("--enable-dp-attention") else self.number("--data-parallel-size", 1)
        nodes = max(self.number("--nnodes", 1), 1)
        return int(max(self.tensor * self.pipeline * max(data, 1) // nodes, 1))

    @property
    def read(self) -> bool:
        """Whether somebody else wrote the launch, and it was read from a text."""
        return self.spec.surroundings is not None

    @property
    def contained(self) -> bool:
        """Whether the launch runs in a container."""
        return self.spec.surroundings is None or self.spec.surroundings.container

    @property
    def docker(self) -> bool:
        """Whether Docker, or a tool with its options, runs the container."""
        surroundings = self.spec.surroundings
        return surroundings is None or (surroundings.container and not surroundings.orchestrated)

    @property
    def glm_dsa(self) -> bool:
        """Whether the model is GLM-5 with DeepSeek Sparse Attention.

        Profiles are made for it, so a planned launch is of that architecture unless its model is
        known to be of another.
        """
        names = (self.spec.model.id, self.spec.served_name)
        architecture = known.architecture(*names)
        if architecture is None:
            return not self.read
        return architecture.name == known.GLM_DSA

    @property
    def sparse_attention(self) -> bool:
        """Whether the model has DeepSeek Sparse Attention."""
        if self.glm_dsa:
            return True
        architecture = known.architecture(self.spec.model.id, self.spec.served_name)
        return architecture is not None and architecture.sparse_attention

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
