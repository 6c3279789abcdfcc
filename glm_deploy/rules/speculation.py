"""SPC: speculative decoding with the checkpoint's MTP layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import SGLANG, WIKI, documented, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

SPEC_V2 = "SGLANG_ENABLE_SPEC_V2"
ALGORITHM = "--speculative-algorithm"
MTP_ALGORITHMS = {"NEXTN", "EAGLE"}


def _speculates(case: Case) -> bool:
    return case.speculates and case.glm_dsa


def _old_and_speculates(case: Case) -> bool:
    return _speculates(case) and case.engine_up_to("0.5.11")


def _spec_v2(case: Case) -> dict[str, str]:
    return {SPEC_V2: "True"}


@rule(
    "SPC-001",
    "Speculation without SPEC_V2 on an old engine",
    severity=Severity.ERROR,
    subjects=(SPEC_V2, ALGORITHM),
    source=reported(f"{WIKI}; {SGLANG} for the default, True from 0.5.12"),
    fix="--set env.SGLANG_ENABLE_SPEC_V2=True",
    holds_for="GLM-5 with sglang up to 0.5.11, and builds of that age",
    applies=_old_and_speculates,
    decides=_spec_v2,
)
def speculation_without_v2(case: Case) -> Iterable[Problem]:
    """Without it the old speculation worker loads the model a second time: twice 57 GB does not
    fit into 96 GB, and the boot ends out of memory after minutes.
    """
    value = case.env(SPEC_V2)
    if value is None or value.lower() not in {"1", "true", "y", "yes"}:
        yield Problem(value or "not set", "the weights would be loaded twice: 2 x 57 GB > 96 GB")


@rule(
    "SPC-002",
    "Speculation with a checkpoint not known to have an MTP layer",
    severity=Severity.WARNING,
    subjects=(ALGORITHM,),
    source=documented(f"{SGLANG}: the loader wants model.layers.78.*"),
    fix="--set engine.speculative_algorithm=null",
    holds_for="GLM-5 speculating with its own MTP layer (NEXTN, EAGLE without a draft model)",
    applies=_speculates,
)
def mtp_layer_unknown(case: Case) -> Iterable[Problem]:
    """Some checkpoints of GLM-5 contain the MTP layer and some do not. Without it the load ends
    with `layer 78 weights missing`.
    """
    if case.value(ALGORITHM) not in MTP_ALGORITHMS or case.has("--speculative-draft-model-path"):
        return
    if case.checkpoint is None or case.checkpoint.mtp_layer is not True:
        yield Problem(
            case.spec.model.id,
            "look for model.layers.78 in the checkpoint's safetensors index before you boot",
        )
