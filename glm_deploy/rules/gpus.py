"""GPU: the cards of the host against the set that the profile is for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from glm_deploy import known
from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, Unknown, rule
from glm_deploy.rules.sources import CARD, IMAGE, documented, measured, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.facts import Gpu
    from glm_deploy.rules.case import Case

NVML = "NVML reference, https://docs.nvidia.com/deploy/nvml-api/"


def _capability(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"


def _several(names: Iterable[str]) -> str:
    return ", ".join(f"{count}x {name}" for name, count in Counter(names).items())


def _who(case: Case) -> str:
    return f"profile {case.spec.profile}" if case.spec.profile else "this launch"


def _wanted(case: Case) -> str:
    hardware = case.spec.hardware
    return (
        f"{_who(case)} needs {hardware.gpus}x compute capability "
        f"{_capability(hardware.compute_capability)}"
    )


def _unread(case: Case, field: str) -> list[Unknown]:
    """One `Unknown` for each selected GPU that did not tell `field`."""
    return [
        Unknown(f"GPU {index}: {case.facts.reason(f'gpus.{index}.{field}')}")
        for index, gpu in case.selected_gpus()
        if case.facts and getattr(gpu, field) is None
    ]


@rule(
    "GPU-001",
    "Too few GPUs",
    severity=Severity.ERROR,
    subjects=("gpus",),
    source=documented(NVML),
    fix="sudo dmesg | grep -i -e RmInitAdapter -e 'fallen off'; check Above-4G decoding and ReBAR",
    needs=("gpus",),
)
def gpu_count(case: Case) -> Iterable[Problem]:
    """Every rank needs a card of its own. A card that the driver did not bring up is missing from
    NVML although it is in the slot.
    """
    selected, wanted = len(case.selected_gpus()), case.spec.hardware.gpus
    if selected < wanted:
        total = len(case.facts.gpus or ()) if case.facts else 0
        chosen = "" if selected == total else f", {selected} of them selected by the profile"
        yield Problem(
            f"{total}",
            f"{_who(case)} needs {wanted} GPUs; this host has {total}{chosen}",
        )


@rule(
    "GPU-002",
    "Wrong compute capability",
    severity=Severity.ERROR,
    subjects=("gpus",),
    source=documented(f"{IMAGE}; {CARD}"),
    fix="Run it on the cards that the profile is for, or choose the variant that runs on these.",
    needs=("gpus",),
)
def compute_capability(case: Case) -> Iterable[Problem | Unknown]:
    """Kernels are compiled for one architecture. On another one the engine refuses to start, or
    fails at the first kernel, after the weights were loaded.
    """
    wanted = case.spec.hardware.compute_capability
    wrong: dict[tuple[int, int], list[Gpu]] = {}
    for _, gpu in case.selected_gpus():
        if gpu.compute_capability and gpu.compute_capability != wanted:
            wrong.setdefault(gpu.compute_capability, []).append(gpu)
    for capability, gpus in wrong.items():
        cards = _several(gpu.name or "an unnamed GPU" for gpu in gpus)
        family = known.gpu_family(capability)
        yield Problem(
            _capability(capability),
            f"{_wanted(case)}; this host has {cards} ({_capability(capability)}). "
            f"{family.refusal or ''}".strip(),
            fix=(
                "Run it on the cards that the profile is for."
                if family.runs_nvfp4
                else "On these cards serve 0xSero/GLM-5.1-555B-W4A16 instead."
            ),
        )
    yield from _unread(case, "compute_capability")


@rule(
    "GPU-003",
    "Not an RTX PRO 6000 Blackwell",
    severity=Severity.ERROR,
    subjects=("gpus",),
    source=reported(CARD),
    fix="Use the cards that the profile is for, or write a profile for these.",
    needs=("gpus",),
)
def gpu_name(case: Case) -> Iterable[Problem | Unknown]:
    """Other cards share the compute capability (the GeForce RTX 5090, for one) and have neither the
    memory nor the reports behind this profile.
    """
    part = case.spec.hardware.name_contains
    others = [
        gpu.name for _, gpu in case.selected_gpus() if gpu.name is not None and part not in gpu.name
    ]
    if others:
        yield Problem(
            _several(others),
            f"{_who(case)} needs {case.spec.hardware.gpus}x {part}; "
            f"this host has {_several(others)}",
        )
    yield from _unread(case, "name")


@rule(
    "GPU-004",
    "Mixed editions of the card",
    severity=Severity.WARNING,
    subjects=("gpus",),
    source=measured(NVML),
    fix="Prefer one edition; ranks wait for the slowest card at every layer.",
    needs=("gpus",),
)
def mixed_editions(case: Case) -> Iterable[Problem | Unknown]:
    """Server, Workstation and Max-Q editions differ in power limit and clocks. Tensor parallel
    ranks meet at every layer, so all of them run at the pace of the slowest.
    """
    names = [gpu.name for _, gpu in case.selected_gpus() if gpu.name is not None]
    if len(set(names)) > 1:
        yield Problem(_several(names), "the slowest edition sets the pace")
    yield from _unread(case, "name")


@rule(
    "GPU-005",
    "Too little memory on a GPU",
    severity=Severity.ERROR,
    subjects=("gpus",),
    source=measured(f"{NVML}: 97887 MiB on the 96 GB cards"),
    fix="Use the 96 GB cards that the profile is for.",
    needs=("gpus",),
)
def memory_total(case: Case) -> Iterable[Problem | Unknown]:
    """Weights are spread evenly, and the smallest card decides what fits: 320 GB of weights plus
    the KV cache need 96 GB cards.
    """
    floor = case.spec.hardware.memory_mib_min
    small: dict[int, list[int]] = {}
    for index, gpu in case.selected_gpus():
        if gpu.memory_total_mib is not None and gpu.memory_total_mib < floor:
            small.setdefault(gpu.memory_total_mib, []).append(index)
    for memory_mib, indices in small.items():
        numbers = ", ".join(map(str, indices))
        yield Problem(
            f"{memory_mib} MiB",
            f"{'GPU' if len(indices) == 1 else 'GPUs'} {numbers}: {memory_mib} MiB on each; "
            f"{_who(case)} needs {floor} MiB",
        )
    yield from _unread(case, "memory_total_mib")


@rule(
    "GPU-006",
    "A GPU does not answer",
    severity=Severity.ERROR,
    subjects=("gpus",),
    source=documented(f"{NVML}: NVML_ERROR_GPU_IS_LOST"),
    fix="sudo dmesg | grep -i xid; then power the host off and on; if it recurs, reseat the card",
    needs=("gpus",),
)
def gpu_silent(case: Case) -> Iterable[Problem]:
    """A card that fell off the bus keeps its place in NVML's list and answers nothing. Every rank
    is needed: the launch would hang or fail at once.
    """
    for index, gpu in case.selected_gpus():
        if case.facts and not any(gpu.model_dump().values()):
            yield Problem(
                f"GPU {index}",
                case.facts.reason(f"gpus.{index}.uuid"),
                subject=f"gpus.{index}",
            )
