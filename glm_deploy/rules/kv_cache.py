"""KV: the dtype of the KV cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import CARD, SGLANG, measured, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

FLAG = "--kv-cache-dtype"
SIXTEEN_BIT = {"bf16", "bfloat16"}


def _reads_fp8_back_wrong(case: Case) -> bool:
    """From 0.5.17 GLM on sm120 with fp8 selects flashinfer_sparse_mla, which reads it right."""
    return case.sm120 and case.glm_dsa and case.engine_up_to("0.5.16")


def _bf16(case: Case) -> dict[str, str]:
    return {FLAG: "bf16"}


@rule(
    "KV-001",
    "KV cache is not bf16 on sm120",
    severity=Severity.ERROR,
    subjects=(FLAG,),
    source=reported(f"{CARD}; operators' wiki, https://github.com/voipmonitor/rtx6kpro"),
    fix="--set engine.kv_cache_dtype=bf16",
    holds_for="GLM-5 on compute capability 12.0 with sglang up to 0.5.16, and builds of that age",
    applies=_reads_fp8_back_wrong,
    decides=_bf16,
)
def kv_cache_not_bf16(case: Case) -> Iterable[Problem]:
    """An fp8 KV cache is accepted without a word, then answers are garbled or stop after one token.

    `auto` is no way out: for DeepSeek Sparse Attention these releases turn it into fp8_e4m3 on
    every GPU of compute capability 10 and above (`_set_default_nsa_kv_cache_dtype`).
    """
    dtype = case.value(FLAG)
    if dtype is None or dtype == "auto":
        yield Problem(
            "auto" if dtype else "not set",
            "the engine chooses fp8_e4m3 for the KV cache by itself on this GPU, and answers "
            "come out garbled; it has to be told bf16",
        )
    elif dtype not in SIXTEEN_BIT:
        yield Problem(
            dtype,
            f"a {dtype} KV cache gives garbled text or a single token on compute capability 12.0; "
            "bf16 is the one that works",
        )


@rule(
    "KV-002",
    "fp8_e5m2 KV cache with sparse attention",
    severity=Severity.ERROR,
    subjects=(FLAG,),
    source=measured(SGLANG),
    fix="--set engine.kv_cache_dtype=bf16",
    holds_for="every sglang release, for models with DeepSeek Sparse Attention",
    applies=lambda case: case.sparse_attention,
)
def fp8_e5m2(case: Case) -> Iterable[Problem]:
    """The sparse attention code asserts that the KV cache is bf16 or fp8_e4m3, else it stops."""
    if case.value(FLAG) == "fp8_e5m2":
        yield Problem("fp8_e5m2", "the engine stops with an AssertionError while it starts")
