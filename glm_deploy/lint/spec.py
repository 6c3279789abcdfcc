"""Turns a foreign launch into the launch spec that every rule reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from glm_deploy import known
from glm_deploy.lint.foreign import Container
from glm_deploy.lint.target import Target, engine_of, hardware_of
from glm_deploy.model import (
    Health,
    LaunchSpec,
    Model,
    Readiness,
    Restart,
    Surroundings,
)
from glm_deploy.rules.case import LAUNCHER
from glm_deploy.sglang import catalogue

if TYPE_CHECKING:
    from glm_deploy.lint.foreign import Foreign
    from glm_deploy.lint.words import Word
    from glm_deploy.sglang.argv import Given
    from glm_deploy.sglang.catalogue import Catalogue

# Docker's own defaults, https://docs.docker.com/reference/cli/docker/container/run/
DOCKER_SHM_BYTES = 64 * 1024**2
DOCKER_STOP_TIMEOUT_S = 10
# Where sglang listens when it is not told, in every release read.
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 30000
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

# The subject of a doubt about every flag there is.
ANY_FLAG = "*"
# The same for every option of the container.
ANY_OPTION = "container.*"


@dataclass(slots=True)
class Reading:
    """A foreign launch, read: its spec, what was assumed, and what cannot be known.

    `doubts` maps a flag or variable to the reason why its value is not known.
    """

    foreign: Foreign
    spec: LaunchSpec
    assumed: list[str]
    doubts: dict[str, str] = field(default_factory=dict)
    own: Catalogue | None = None


@dataclass
class Argv:
    """The engine's arguments, each flag with its words."""

    words: tuple[Word, ...]
    catalogue: Catalogue
    doubts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def given(self) -> tuple[Given, ...]:
        """The flags in their order; `position` counts in `words`."""
        return self.catalogue.read([word.text for word in self.words]).given

    @cached_property
    def known(self) -> tuple[str, ...]:
        """The arguments without those whose value nobody can know before the launch."""
        kept: list[str] = []
        taken: set[int] = set()
        for given in self.given:
            texts = [given.written, *given.values]
            last = given.position + len(given.values)
            words = self.words[given.position : last + 1]
            if self.words[given.position].text != given.written:
                # Written with an equals sign: one word for both.
                words, last = words[:1], given.position
                texts = [words[0].text]
            taken |= set(range(given.position, last + 1))
            unknown = next((word for word in words if word.open), None)
            if unknown is not None:
                self.doubts[given.flag or given.written] = f"{given.written} is {unknown.text}"
            if unknown is None or self._takes_any_text(given):
                kept += texts
        for index, word in enumerate(self.words):
            if index not in taken:
                if word.open:
                    self.doubts[ANY_FLAG] = f"further arguments come from {word.text}"
                else:
                    kept.append(word.text)
        if ANY_FLAG in self.doubts and "--model-path" not in self.values:
            kept += ["--model-path", self.doubts[ANY_FLAG]]
        return tuple(kept)

    def _takes_any_text(self, given: Given) -> bool:
        option = self.catalogue.find(given.flag or "")
        return option is not None and option.type == "str" and not option.choices

    @cached_property
    def values(self) -> dict[str, tuple[str, ...]]:
        """Values by canonical flag; the last one counts."""
        return {given.flag or given.written: given.values for given in self.given}

    def value(self, flag: str) -> str | None:
        """The first value of a flag, or `None`."""
        values = self.values.get(flag)
        return values[0] if values else None

    def whole(self, flag: str, default: int) -> int:
        """The value of a flag as a whole number, or `default`."""
        text = self.value(flag) or ""
        return int(text) if re.fullmatch(r"\d{1,9}", text) else default


def read_launch(foreign: Foreign, target: Target) -> Reading:
    """The spec of a launch, and everything that had to be assumed for it."""
    container = foreign.container or Container()
    image = container.image.text if container.image and not container.image.open else None
    engine = engine_of(image, target)
    argv = Argv(foreign.argv, engine.own or catalogue.load(engine.engine.parser))
    arguments = argv.known
    model = Model(argv.value("--model-path") or "", argv.value("--revision"))
    served = argv.value("--served-model-name") or model.id
    glm = known.is_glm_dsa(model.id, served)
    ranks = _ranks(argv)
    hardware, cards = hardware_of(ranks, image, target, glm=glm)
    doubts = dict(argv.doubts)
    env = {}
    for name, value in foreign.env.items():
        if value.open:
            doubts[name] = f"{name} is {value.text}"
        else:
            env[name] = value.text
    if container.open:
        doubts[ANY_OPTION] = f"further options come from {container.open}"
    if container.gpus_unknown:
        doubts["container.devices"] = "the devices are known only where the command runs"
    spec = LaunchSpec(
        name=container.name or "foreign",
        profile="",
        image=image or "",
        argv=(*LAUNCHER, *arguments),
        env=env,
        mounts=container.mounts,
        tmpfs=container.tmpfs,
        gpus=container.gpus,
        ipc=container.ipc or "private",
        shm_size_bytes=(
            DOCKER_SHM_BYTES if container.shm_size_bytes is None else container.shm_size_bytes
        ),
        network=container.network or "bridge",
        ulimits=container.ulimits,
        restart=container.restart or Restart("no"),
        stop_timeout_s=DOCKER_STOP_TIMEOUT_S,
        log_driver="json-file",
        log_options={},
        health=Health("", 0, 0, 0, 0),
        host=argv.value("--host") or DEFAULT_HOST,
        port=argv.whole("--port", DEFAULT_PORT),
        served_name=served,
        api_key_file=None,
        engine=engine.engine,
        model=model,
        hardware=hardware,
        readiness=Readiness(0, 0),
        surroundings=Surroundings(
            container=foreign.container is not None,
            orchestrated=container.orchestrated,
            privileged=container.privileged,
            entrypoint=container.entrypoint,
            ports=container.ports,
        ),
    )
    return Reading(foreign, spec, [engine.words, f"GPUs: {cards}"], doubts, engine.own)


def _ranks(argv: Argv) -> int:
    """How many GPUs of one host the command asks for."""
    tensor = argv.whole("--tensor-parallel-size", 1)
    pipeline = argv.whole("--pipeline-parallel-size", 1)
    data = argv.whole("--data-parallel-size", 1)
    copies = 1 if "--enable-dp-attention" in argv.values else data
    nodes = max(argv.whole("--nnodes", 1), 1)
    return max(tensor * pipeline * copies // nodes, 1)
