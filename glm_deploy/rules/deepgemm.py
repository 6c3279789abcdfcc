"""DGM: DeepGEMM, which has no kernels for sm120."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import CARD, SGLANG, documented

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

ACTING = "SGLANG_ENABLE_JIT_DEEPGEMM"
UNREAD = "SGLANG_ENABLE_DEEP_GEMM"
OFF = {"0", "false", "n", "no"}
BACKEND_FLAGS = ("--moe-runner-backend", "--fp8-gemm-backend")


def _on_sm120(case: Case) -> bool:
    return case.sm120


def _glm_on_sm120(case: Case) -> bool:
    return case.sm120 and case.glm_dsa


def _tries_deepgemm(case: Case) -> bool:
    """From 0.5.13 on sglang itself leaves it off on sm120 (deep_gemm_wrapper/configurer.py)."""
    return _glm_on_sm120(case) and case.engine_up_to("0.5.12")


def _acting_off(case: Case) -> dict[str, str]:
    return {ACTING: "0"}


def _unread_off(case: Case) -> dict[str, str]:
    return {UNREAD: "0"}


@rule(
    "DGM-001",
    "DeepGEMM left on",
    severity=Severity.ERROR,
    subjects=(ACTING,),
    source=documented(f"{SGLANG} (deep_gemm_wrapper/configurer.py); {CARD}"),
    fix="--set env.SGLANG_ENABLE_JIT_DEEPGEMM=0",
    holds_for="GLM-5 on compute capability 12.0 with sglang up to 0.5.12, and builds of that age",
    applies=_tries_deepgemm,
    decides=_acting_off,
)
def deepgemm_on(case: Case) -> Iterable[Problem]:
    """DeepGEMM needs the wgmma or tcgen05 instructions, which sm120 lacks. It is on by default, and
    this variable is the one that sglang reads. Left on, the boot fails with
    `'ImportError' object has no attribute 'get_num_sms'`.
    """
    value = case.env(ACTING)
    if value is None or value.lower() not in OFF:
        yield Problem(
            value or "not set",
            "DeepGEMM has no kernels for compute capability 12.0 and is on unless this is 0",
        )


@rule(
    "DGM-002",
    "The card's second DeepGEMM variable is missing",
    severity=Severity.INFO,
    subjects=(UNREAD,),
    source=documented(f"{SGLANG}: read nowhere in 20 releases and the fork; {CARD}"),
    fix="--set env.SGLANG_ENABLE_DEEP_GEMM=0",
    holds_for="GLM-5 on compute capability 12.0 with sglang up to 0.5.12, and builds of that age",
    applies=_tries_deepgemm,
    decides=_unread_off,
)
def unread_variable(case: Case) -> Iterable[Problem]:
    """The model card sets SGLANG_ENABLE_DEEP_GEMM=0, which no readable sglang source reads. It is
    kept for images whose source cannot be read; SGLANG_ENABLE_JIT_DEEPGEMM is the one that acts.
    """
    value = case.env(UNREAD)
    if value is None or value.lower() not in OFF:
        yield Problem(value or "not set", f"harmless where {ACTING}=0, which is the one that acts")


@rule(
    "DGM-003",
    "A DeepGEMM backend chosen by flag",
    severity=Severity.ERROR,
    subjects=BACKEND_FLAGS,
    source=documented(SGLANG),
    fix="--set engine.moe_runner_backend=cutlass",
    holds_for="compute capability 12.0",
    applies=_on_sm120,
)
def deepgemm_backend(case: Case) -> Iterable[Problem]:
    """Choosing deep_gemm by name asks for the kernels that sm120 does not have."""
    for flag in BACKEND_FLAGS:
        if case.value(flag) == "deep_gemm":
            fix = "" if flag == BACKEND_FLAGS[0] else f"--set engine.extra_args.{flag}=null"
            yield Problem("deep_gemm", "DeepGEMM cannot run on 12.0", subject=flag, fix=fix)
