"""BKD: the FP4 GEMM and MoE backends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import FORK, SGLANG, WIKI, documented, measured, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

GEMM = "--fp4-gemm-backend"
MOE = "--moe-runner-backend"
EXPERT_PARALLEL = "--expert-parallel-size"

# Concurrency from which cutlass overtakes b12x, wiki's table for GLM-5 744B on 8 cards.
CROSSOVER = 4


def _upstream(case: Case) -> bool:
    return not case.spec.engine.patched


def _patched(case: Case) -> bool:
    return case.spec.engine.patched


@rule(
    "BKD-001",
    "b12x backend asked of an engine that has none",
    severity=Severity.ERROR,
    subjects=(MOE, GEMM, "--attention-backend"),
    source=measured(f"{SGLANG}: the parsers of 0.5.4 to 0.5.23"),
    fix="--set engine.fp4_gemm_backend=flashinfer_cutlass --set engine.moe_runner_backend=cutlass",
    holds_for="upstream sglang; builds of the image's author have b12x",
    applies=_upstream,
)
def b12x_upstream(case: Case) -> Iterable[Problem]:
    """b12x is a backend of the patched image alone. No upstream release knows it, and an upstream
    parser refuses the command at once.
    """
    for flag in (MOE, GEMM, "--attention-backend"):
        if case.value(flag) == "b12x":
            yield Problem(
                "b12x",
                "upstream sglang has no b12x backend in any release",
                subject=flag,
                fix="" if flag in (MOE, GEMM) else "--set engine.attention_backend=flashinfer",
            )


@rule(
    "BKD-002",
    "b12x MoE backend together with expert parallelism",
    severity=Severity.ERROR,
    subjects=(MOE, EXPERT_PARALLEL),
    source=measured(FORK),
    fix="--set engine.extra_args.--expert-parallel-size=null",
    holds_for="builds with the b12x backends",
    applies=_patched,
)
def b12x_with_expert_parallel(case: Case) -> Iterable[Problem]:
    """The b12x expert kernels hold every expert on every rank; the engine raises ValueError when
    experts are to be spread by an expert parallel size.
    """
    size = next((case.value(f) for f in (EXPERT_PARALLEL, "--ep-size") if case.has(f)), None)
    if case.value(MOE) == "b12x" and size not in (None, "1"):
        yield Problem(
            f"{MOE} b12x, {EXPERT_PARALLEL} {size}",
            "the engine stops with a ValueError: b12x and expert parallelism exclude each other",
        )


@rule(
    "BKD-003",
    "b12x MoE backend has no effect on compressed-tensors experts",
    severity=Severity.INFO,
    subjects=(MOE,),
    source=documented(f"{FORK} (code reading; the image may differ)"),
    fix="Nothing has to change; measure with `--set engine.moe_runner_backend=cutlass` as well.",
    holds_for="builds with the b12x backends",
    applies=_patched,
)
def b12x_without_effect(case: Case) -> Iterable[Problem]:
    """In the readable source b12x is wired for modelopt_fp4 experts alone. For compressed-tensors
    experts the flag parses and cutlass is used, so a speed-up is not to be expected from it.
    """
    if case.value(MOE) == "b12x" and case.value("--quantization") == "compressed-tensors":
        yield Problem(
            "b12x with compressed-tensors", "the flag parses, and the experts run on cutlass"
        )


@rule(
    "BKD-004",
    "b12x backends for many concurrent requests",
    severity=Severity.WARNING,
    subjects=("--max-running-requests", MOE, GEMM),
    source=reported(f"{WIKI} (GLM-5 744B, tensor 8: 591 against 1011 tokens/s at concurrency 64)"),
    fix="--profile sm120-tp8-throughput",
    holds_for="builds with the b12x backends",
    applies=_patched,
)
def b12x_under_load(case: Case) -> Iterable[Problem]:
    """b12x is ahead for one or two users, cutlass from four up, and far ahead at 64."""
    limit = int(case.number("--max-running-requests", 0))
    if limit >= CROSSOVER and "b12x" in (case.value(GEMM), case.value(MOE)):
        yield Problem(
            f"--max-running-requests {limit}",
            f"for {CROSSOVER} and more concurrent requests operators measured cutlass ahead",
        )


@rule(
    "BKD-005",
    "FlashInfer's cutlass MoE backend on compressed-tensors experts",
    severity=Severity.ERROR,
    subjects=(MOE,),
    source=measured(f"{SGLANG}: argument resolution of 0.5.10.post1, 0.5.18 and 0.5.23"),
    fix="--set engine.moe_runner_backend=cutlass",
    holds_for="checkpoints quantized as compressed-tensors",
    applies=lambda case: case.value("--quantization") == "compressed-tensors",
)
def flashinfer_cutlass_experts(case: Case) -> Iterable[Problem]:
    """The parser takes it; then the engine asserts that this backend runs modelopt_fp4,
    modelopt_fp8, modelopt_mixed or bfloat16 experts alone, and stops.
    """
    if case.value(MOE) == "flashinfer_cutlass":
        yield Problem(
            "flashinfer_cutlass",
            "the engine stops with an AssertionError: no compressed-tensors experts on it",
        )
