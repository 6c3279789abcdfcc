"""MDL: what the checkpoint asks of the command: quantization, format, name, prefill pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import CARD, SGLANG, documented, measured, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

QUANTIZATION = "--quantization"
CHUNK = "--chunked-prefill-size"
FUSION = "--disable-shared-experts-fusion"

# GLM's sparse attention forces this page size in sglang, in tokens.
PAGE_TOKENS = 64


def _quantization_known(case: Case) -> bool:
    return bool(case.checkpoint and case.checkpoint.quantization)


def _the_checkpoints(case: Case) -> dict[str, str]:
    quantization = case.checkpoint.quantization if case.checkpoint else None
    return {QUANTIZATION: quantization} if quantization and quantization != "gguf" else {}


@rule(
    "MDL-001",
    "Quantization is not the checkpoint's",
    severity=Severity.ERROR,
    subjects=(QUANTIZATION,),
    source=documented(f"config.json of the checkpoint; {CARD}"),
    fix="--set model.quantization=null",
    holds_for="checkpoints in the catalogue",
    applies=_quantization_known,
    decides=_the_checkpoints,
)
def quantization_of_checkpoint(case: Case) -> Iterable[Problem]:
    """How weights are packed is written in the checkpoint's `quantization_config`. 0xSero's NVFP4
    checkpoints are compressed-tensors; others people run are modelopt_fp4. The wrong one fails
    at load, or loads noise.
    """
    wanted = case.checkpoint.quantization if case.checkpoint else None
    given = case.value(QUANTIZATION)
    if wanted and given not in (None, wanted):
        yield Problem(
            str(given),
            f"{case.spec.model.id} is packed as {wanted}",
            fix=f"--set model.quantization={wanted}",
        )


@rule(
    "MDL-002",
    "GGUF checkpoint given to SGLang",
    severity=Severity.ERROR,
    subjects=("--model-path",),
    source=documented("llama.cpp, https://github.com/ggml-org/llama.cpp"),
    fix="--set model.id=0xSero/GLM-5.1-555B-NVFP4",
)
def gguf_checkpoint(case: Case) -> Iterable[Problem]:
    """The GGUF variants of GLM-5.1 are made for llama.cpp; SGLang does not serve them."""
    if "gguf" in case.spec.model.id.lower():
        yield Problem(case.spec.model.id, "GGUF is llama.cpp's format; serve it with llama.cpp")


@rule(
    "MDL-003",
    "Chunked prefill is not a multiple of the page",
    severity=Severity.ERROR,
    subjects=(CHUNK,),
    source=measured(SGLANG),
    fix="--set engine.chunked_prefill_size=16384",
    holds_for="GLM with sparse attention, which forces pages of 64 tokens",
    applies=lambda case: case.glm_dsa,
)
def chunk_multiple_of_page(case: Case) -> Iterable[Problem]:
    """A prefill chunk ends on a page boundary. GLM's sparse attention forces pages of 64 tokens,
    and the engine refuses any other chunk size.
    """
    chunk = int(case.number(CHUNK, -1))
    if chunk > 0 and chunk % PAGE_TOKENS:
        below = max(chunk // PAGE_TOKENS, 1) * PAGE_TOKENS
        yield Problem(
            str(chunk),
            f"{chunk} is not a multiple of {PAGE_TOKENS}",
            fix=f"--set engine.chunked_prefill_size={below}",
        )


@rule(
    "MDL-004",
    "Served name contains a colon",
    severity=Severity.ERROR,
    subjects=("--served-model-name",),
    source=measured(SGLANG),
    fix="--set model.served_name=glm-5.1-reap",
)
def served_name_with_colon(case: Case) -> Iterable[Problem]:
    """A colon separates model and LoRA adapter in requests; the engine refuses it in a name."""
    if ":" in case.spec.served_name:
        yield Problem(case.spec.served_name, "the engine refuses a served name with ':'")


@rule(
    "MDL-005",
    "Shared experts may be fused although they stayed BF16",
    severity=Severity.INFO,
    subjects=(FUSION,),
    source=reported("sgl-project/sglang#29562"),
    fix="--set engine.disable_shared_experts_fusion=true",
    holds_for="GLM-5 as modelopt_fp4, where some checkpoints keep the shared experts in BF16",
    applies=lambda case: case.glm_dsa and case.value(QUANTIZATION) == "modelopt_fp4",
)
def shared_experts_fusion(case: Case) -> Iterable[Problem]:
    """Where the shared experts stayed BF16, fusing them with the FP4 ones fails at load: a shape of
    3072 against 6144.
    """
    if not case.has(FUSION):
        yield Problem("not set", "if the load fails with 3072 against 6144, set this flag")
