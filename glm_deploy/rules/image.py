"""IMG: the Docker image: its digest, its own environment, and the GPUs it was built for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy import known
from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import DOCKER, IMAGE, documented, measured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

INFINIBAND = "NCCL_IB_DISABLE"
MODEL_PROFILE = "MODEL_PROFILE"


def _known_image(case: Case) -> bool:
    return case.image is not None


def _no_infiniband(case: Case) -> dict[str, str]:
    return {INFINIBAND: "1"}


@rule(
    "IMG-001",
    "Image is not pinned by digest",
    severity=Severity.WARNING,
    subjects=("image.digest",),
    source=documented(f"{DOCKER}; {IMAGE}: the tag moves, its parts are unpinned"),
    fix="--set image.digest=$(docker image inspect --format '{{index .RepoDigests 0}}' IMAGE "
    "| cut -d@ -f2)",
    holds_for="launches in a container",
    applies=lambda case: bool(case.spec.image),
)
def image_unpinned(case: Case) -> Iterable[Problem]:
    """A tag is moved without notice: the next pull can bring another SGLang with other flags. A
    digest names one image for good.
    """
    if "@sha256:" not in case.spec.image:
        fix = (
            "--set image.digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "
            f"{case.spec.image} | cut -d@ -f2)"
        )
        yield Problem(case.spec.image, "the tag may be another image tomorrow", fix=fix)


@rule(
    "IMG-002",
    "InfiniBand left on as the image sets it",
    severity=Severity.WARNING,
    subjects=(INFINIBAND,),
    source=documented(IMAGE),
    fix="--set env.NCCL_IB_DISABLE=1",
    holds_for="images that set NCCL_IB_DISABLE=0 themselves",
    applies=lambda case: bool(case.image and case.image.env.get(INFINIBAND) == "0"),
    decides=_no_infiniband,
)
def infiniband_on(case: Case) -> Iterable[Problem]:
    """The image sets NCCL_IB_DISABLE=0. On a box without InfiniBand NCCL then searches for it at
    every start; the recipe's =1 has to be passed to take effect.
    """
    if case.env(INFINIBAND) != "1":
        yield Problem(case.env(INFINIBAND) or "0, from the image", "the recipe turns it off")


@rule(
    "IMG-003",
    "MODEL_PROFILE rewrites the command",
    severity=Severity.ERROR,
    subjects=(MODEL_PROFILE,),
    source=measured(IMAGE),
    fix="--set env.MODEL_PROFILE=null",
    applies=_known_image,
    holds_for="voipmonitor/sglang",
)
def model_profile(case: Case) -> Iterable[Problem]:
    """MODEL_PROFILE makes the image's entrypoint add flags of its own, for exactly 8 GPUs, through
    an unquoted expansion that breaks every JSON-valued flag.
    """
    name = case.env(MODEL_PROFILE)
    if not name:
        return
    ranks = case.tensor * case.pipeline
    json_flags = [flag for flag, values in case.flags.items() if any("{" in v for v in values)]
    if ranks != 8:
        yield Problem(name, f"it is for exactly 8 GPUs, this launch has {ranks}")
    elif json_flags:
        yield Problem(name, f"it breaks {', '.join(json_flags)}, whose value is JSON")


@rule(
    "IMG-004",
    "Image holds no kernels for the profile's GPUs",
    severity=Severity.ERROR,
    subjects=("hardware.compute_capability", "image.ref"),
    source=documented(IMAGE),
    fix='--set hardware.compute_capability="12.0"',
    applies=_known_image,
    holds_for="images whose build list is known",
)
def image_architecture(case: Case) -> Iterable[Problem]:
    """The image is compiled for a fixed list of architectures. sglang's own gate lets relatives
    pass (10.x, 12.1), and they fail later, without a kernel.
    """
    capability = case.spec.hardware.compute_capability
    if case.image and capability not in case.image.compute_capabilities:
        family = known.gpu_family(capability)
        yield Problem(
            f"{capability[0]}.{capability[1]}",
            f"{case.image.name} is built for "
            f"{', '.join(f'{a}.{b}' for a, b in case.image.compute_capabilities)}, the profile "
            f"wants {family.name}. {family.refusal or ''}".strip(),
        )
