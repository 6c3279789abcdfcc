"""Where the rules' statements come from. Each source names a public place and how it is known."""

from __future__ import annotations

from dataclasses import dataclass

from glm_deploy.model import Basis


@dataclass(frozen=True, slots=True)
class Source:
    """A public place that a statement rests on, and its basis."""

    text: str
    basis: Basis

    def __str__(self) -> str:
        return f"{self.text} ({self.basis})"


CARD = "model card, https://huggingface.co/0xSero/GLM-5.1-555B-NVFP4"
WIKI = "operators' wiki, https://github.com/voipmonitor/rtx6kpro"
IMAGE = "image sources, https://github.com/voipmonitor/blackwell-llm-docker"
SGLANG = "sglang source, https://github.com/sgl-project/sglang"
FORK = "sglang fork at c70c22a1, the commit that adds the b12x backends"
NCCL = (
    "NCCL environment variables, https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/env.html"
)
DOCKER = "Docker reference, https://docs.docker.com/reference/cli/docker/container/run/"


def measured(text: str) -> Source:
    """Seen by running it."""
    return Source(text, Basis.MEASURED)


def documented(text: str) -> Source:
    """Read in documentation or in source code."""
    return Source(text, Basis.DOCUMENTED)


def reported(text: str) -> Source:
    """Told by operators; not reproduced here."""
    return Source(text, Basis.REPORTED)


def calculated(text: str) -> Source:
    """Derived from other figures."""
    return Source(text, Basis.CALCULATED)
