"""ATT: the attention backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import CARD, SGLANG, documented, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

FLAG = "--attention-backend"
PHASE_FLAGS = ("--prefill-attention-backend", "--decode-attention-backend")

# Backends whose kernels are built for other architectures than 12.0: Hopper's wgmma (fa3,
# flashmla, nsa) and the data-centre Blackwell tcgen05 (trtllm_*, cutlass_mla, fa4).
BUILT_FOR_OTHERS = {
    "trtllm_mha",
    "trtllm_mla",
    "flashmla",
    "cutlass_mla",
    "nsa",
    "dsa",
    "fa3",
    "fa4",
}
PROVEN = {"flashinfer", "flashinfer_sparse_mla"}


# What the engine chooses for GLM by itself, under the two names it had.
DEFAULTS = {None, "nsa", "dsa"}
FP8_OR_AUTO = {None, "auto", "fp8_e4m3"}


def _glm_on_sm120(case: Case) -> bool:
    return case.sm120 and case.glm_dsa


def _default_runs(case: Case, backend: str | None) -> bool:
    """From 0.5.17 the engine's own choice, with the fp8 KV cache that it also chooses, is
    flashinfer_sparse_mla (`is_glm_sm12_fp8` in arg_groups/overrides.py), which has kernels.
    """
    fp8 = case.value("--kv-cache-dtype") in FP8_OR_AUTO
    return backend in DEFAULTS and fp8 and not case.engine_up_to("0.5.16")


def _fix(flag: str) -> str:
    """What leaves the bad state: a phase's own flag has to go, or it outweighs the general one."""
    if flag in PHASE_FLAGS:
        return f"--set engine.extra_args.{flag}=null --set engine.attention_backend=flashinfer"
    return ""


def _flashinfer(case: Case) -> dict[str, str]:
    return {FLAG: "flashinfer"}


@rule(
    "ATT-001",
    "Attention backend without kernels for sm120",
    severity=Severity.ERROR,
    subjects=(FLAG, *PHASE_FLAGS),
    source=reported(CARD),
    fix="--set engine.attention_backend=flashinfer",
    holds_for="GLM-5 on compute capability 12.0",
    applies=_glm_on_sm120,
    decides=_flashinfer,
)
def attention_backend_unsupported(case: Case) -> Iterable[Problem]:
    """The engine's default for this architecture, and most backends made for Hopper or B200, have
    no kernels for 12.0: the boot ends in `attention.hpp: Unsupported architecture`.
    """
    chosen = any(case.has(flag) for flag in PHASE_FLAGS)
    if case.value(FLAG) is None and not chosen and not _default_runs(case, None):
        yield Problem("not set", "the engine's own choice has no kernels for this GPU")
    for flag in (FLAG, *PHASE_FLAGS):
        backend = case.value(flag)
        if backend in BUILT_FOR_OTHERS and not _default_runs(case, backend):
            yield Problem(
                backend,
                f"{backend} is built for other GPU architectures and cannot run on 12.0",
                subject=flag,
                fix=_fix(flag),
            )


@rule(
    "ATT-002",
    "Attention backend that nobody has reported working on sm120",
    severity=Severity.WARNING,
    subjects=(FLAG, *PHASE_FLAGS),
    source=documented(SGLANG),
    fix="--set engine.attention_backend=flashinfer",
    holds_for="GLM-5 on compute capability 12.0",
    applies=_glm_on_sm120,
)
def attention_backend_unproven(case: Case) -> Iterable[Problem]:
    """Only FlashInfer is reported to serve GLM on these cards; others parse and may fail late."""
    for flag in (FLAG, *PHASE_FLAGS):
        backend = case.value(flag)
        if backend and backend not in PROVEN | BUILT_FOR_OTHERS:
            yield Problem(
                backend,
                f"no source reports {backend} serving GLM on 12.0",
                subject=flag,
                fix=_fix(flag),
            )
