"""COM: collectives between the cards: custom all-reduce, NCCL's variables, allocator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import IMAGE, NCCL, WIKI, documented, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

CUSTOM = "--disable-custom-all-reduce"
GRAPH = "NCCL_GRAPH_FILE"
LEVEL = "NCCL_P2P_LEVEL"
P2P_OFF = "NCCL_P2P_DISABLE"
ALLOCATOR = "PYTORCH_CUDA_ALLOC_CONF"
ONESHOT = "--enable-pcie-oneshot-allreduce"
LEVELS = ("LOC", "NVL", "PIX", "PXB", "PHB", "SYS")

# The graph file of the image describes a board with this many GPUs.
GRAPH_GPUS = 8
# With the graph file, more than this leaves NCCL no room for its buffers (reported at 0.95).
GRAPH_MEM_FRACTION = 0.93


def _tensor_parallel_pcie(case: Case) -> bool:
    return case.sm120 and case.glm_dsa and case.tensor > 1


def _no_custom_all_reduce(case: Case) -> dict[str, str]:
    return {CUSTOM: ""}


@rule(
    "COM-001",
    "Custom all-reduce left on over PCIe",
    severity=Severity.WARNING,
    subjects=(CUSTOM,),
    source=reported(f"{WIKI}: the 8-GPU recipe for GLM-5 has it, 'only the first token' without"),
    fix="--set engine.disable_custom_all_reduce=true",
    holds_for="GLM-5 on compute capability 12.0 with a tensor size above 1",
    applies=_tensor_parallel_pcie,
    decides=_no_custom_all_reduce,
)
def custom_all_reduce(case: Case) -> Iterable[Problem]:
    """These cards have no NVLink. sglang turns its custom all-reduce off by itself only for more
    than two PCIe GPUs, so tensor size 2 needs the flag most; operators set it at 8 as well.
    """
    if not case.has(CUSTOM):
        yield Problem("not set", "answers may stop after the first token")


@rule(
    "COM-002",
    "NCCL graph file on a layout of other than 8 GPUs",
    severity=Severity.ERROR,
    subjects=(GRAPH,),
    source=documented(IMAGE),
    fix="--set env.NCCL_GRAPH_FILE=null",
)
def graph_file(case: Case) -> Iterable[Problem]:
    """The graph file in the image describes the rings of exactly 8 GPUs."""
    if case.env(GRAPH) and case.tensor * case.pipeline != GRAPH_GPUS:
        yield Problem(
            str(case.env(GRAPH)),
            f"it describes {GRAPH_GPUS} GPUs, this launch has {case.tensor * case.pipeline}",
        )


@rule(
    "COM-003",
    "NCCL_P2P_LEVEL is not one of NCCL's words",
    severity=Severity.ERROR,
    subjects=(LEVEL,),
    source=documented(NCCL),
    fix="--set env.NCCL_P2P_LEVEL=SYS",
)
def p2p_level(case: Case) -> Iterable[Problem]:
    """The level is a word that names a topology distance; NCCL ignores anything else with a
    warning, and then chooses by itself.
    """
    level = case.env(LEVEL)
    if level is not None and level not in LEVELS:
        yield Problem(level, f"it must be one of {', '.join(LEVELS)}")


@rule(
    "COM-004",
    "P2P both disabled and given a level",
    severity=Severity.WARNING,
    subjects=(P2P_OFF, LEVEL),
    source=documented(NCCL),
    fix="--set env.NCCL_P2P_LEVEL=null",
)
def p2p_contradiction(case: Case) -> Iterable[Problem]:
    """Two operators' recipes contradict each other: level SYS, or no P2P at all. Which is right
    depends on the board. With both set, disabling wins and the level says something untrue.
    """
    if case.env(P2P_OFF) not in (None, "0") and case.env(LEVEL):
        yield Problem(
            f"{P2P_OFF}={case.env(P2P_OFF)}, {LEVEL}={case.env(LEVEL)}",
            "P2P is off, so the level has no effect; keep one of the two",
        )


@rule(
    "COM-005",
    "Expandable segments with PCIe one-shot all-reduce",
    severity=Severity.ERROR,
    subjects=(ALLOCATOR, ONESHOT),
    source=reported(WIKI),
    fix="--set env.PYTORCH_CUDA_ALLOC_CONF=null",
)
def expandable_segments(case: Case) -> Iterable[Problem]:
    """The one-shot all-reduce shares buffers between GPUs by handles that expandable segments
    cannot give; the ranks crash in pcie_allreduce.cu.
    """
    expandable = "expandable_segments:true" in (case.env(ALLOCATOR) or "").lower()
    if expandable and case.has(ONESHOT):
        yield Problem(str(case.env(ALLOCATOR)), f"it crashes together with {ONESHOT}")


@rule(
    "COM-006",
    "Memory fraction leaves NCCL's graph file no room",
    severity=Severity.ERROR,
    subjects=("--mem-fraction-static", GRAPH),
    source=reported(WIKI),
    fix="--set engine.mem_fraction_static=0.93",
)
def graph_file_memory(case: Case) -> Iterable[Problem]:
    """With the graph file NCCL allocates more channels; at 0.95 it fails with
    `Failed to CUDA calloc 10485760 bytes`.
    """
    fraction = case.number("--mem-fraction-static", 0)
    if case.env(GRAPH) and fraction > GRAPH_MEM_FRACTION:
        yield Problem(str(fraction), f"with {GRAPH} keep it at or below {GRAPH_MEM_FRACTION}")
