"""PAR: tensor and pipeline parallel layout, and what a pipeline forbids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import SGLANG, documented, measured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

TENSOR = "--tensor-parallel-size"
PIPELINE = "--pipeline-parallel-size"
PARTITION = "SGLANG_PP_LAYER_PARTITION"
# The sizes that divide GLM's 64 heads and that operators run on one host.
TENSOR_SIZES = (1, 2, 4, 8)


def _layout_for(gpus: int) -> str:
    """The layout with the largest tensor size that fills the GPUs."""
    tensor = max(size for size in TENSOR_SIZES if gpus % size == 0)
    return f"--set parallelism.tensor={tensor} --set parallelism.pipeline={gpus // tensor}"


def _pipelined(case: Case) -> bool:
    return case.pipeline > 1


@rule(
    "PAR-001",
    "Tensor size does not divide the attention heads",
    severity=Severity.ERROR,
    subjects=(TENSOR,),
    source=measured(f"{SGLANG}: the argument code lets 6 pass, the model build fails"),
    fix="--set parallelism.tensor=8, or tensor 2 x pipeline 3 on 6 cards: --profile sm120-tp2-pp3",
    holds_for="models whose number of heads is known",
)
def tensor_divides_heads(case: Case) -> Iterable[Problem]:
    """Each tensor rank takes an equal share of the attention heads. GLM-5.1 has 64, so 1, 2, 4 and
    8 are possible; 6 passes the parser and fails minutes later, when the model is built.
    """
    heads = case.checkpoint.heads if case.checkpoint else 0
    if heads and case.tensor >= 1 and heads % case.tensor:
        yield Problem(str(case.tensor), f"{heads} heads do not divide by {case.tensor}")


@rule(
    "PAR-002",
    "Tensor x pipeline is not the number of GPUs",
    severity=Severity.ERROR,
    subjects=(TENSOR, PIPELINE, "hardware.gpus"),
    source=documented(SGLANG),
    fix="--set parallelism.tensor=8 --set parallelism.pipeline=1",
)
def layout_fills_gpus(case: Case) -> Iterable[Problem]:
    """The engine starts tensor x pipeline ranks, one per GPU. More ranks than GPUs fail at start;
    fewer leave cards empty and put the weights on too few of them.
    """
    ranks, gpus = case.ranks, case.spec.hardware.gpus
    # What others serve may well leave cards for something else.
    if ranks > gpus or (ranks < gpus and not (case.read and not case.glm_dsa)):
        yield Problem(
            f"{case.tensor} x {case.pipeline} = {ranks}",
            f"tensor {case.tensor} x pipeline {case.pipeline} makes {ranks} ranks, "
            f"the {'launch' if case.read else 'profile'} is for {gpus} GPUs",
            fix=_layout_for(gpus),
        )


@rule(
    "PAR-003",
    "Listed devices are not one per rank",
    severity=Severity.ERROR,
    subjects=("container.devices",),
    source=documented(
        "Docker device requests, https://docs.docker.com/reference/compose-file/deploy/"
    ),
    fix='--set container.devices=["0","1","2","3","4","5"]',
)
def devices_match(case: Case) -> Iterable[Problem]:
    """Listed devices are all that the container sees: one per rank, each of them once."""
    request = case.spec.gpus
    if request is None or request.all:
        return
    ids, ranks = request.device_ids, case.ranks
    fix = f"--set 'container.devices={json.dumps([str(index) for index in range(ranks)])}'"
    if len(set(ids)) != len(ids):
        yield Problem(", ".join(ids), "a device is listed twice", fix=fix)
    elif len(ids) < ranks or (len(ids) > ranks and not (case.read and not case.glm_dsa)):
        yield Problem(", ".join(ids), f"{len(ids)} devices are listed for {ranks} ranks", fix=fix)


@rule(
    "PAR-004",
    "Layer partition does not add up",
    severity=Severity.ERROR,
    subjects=(PARTITION,),
    source=documented(SGLANG),
    fix="--set env.SGLANG_PP_LAYER_PARTITION=26,26,26",
    holds_for="pipeline parallel size above 1, models whose number of layers is known",
    applies=_pipelined,
)
def partition_adds_up(case: Case) -> Iterable[Problem]:
    """The partition names the layers of each stage: as many numbers as stages, adding up to all."""
    text = case.env(PARTITION)
    layers = case.checkpoint.layers if case.checkpoint else 0
    if text is None or not layers:
        return
    stages = text.split(",")
    each, rest = divmod(layers, case.pipeline)
    even = ",".join(str(each + (stage < rest)) for stage in range(case.pipeline))
    fix = f"--set env.{PARTITION}={even}"
    if not all(stage.strip().isdigit() for stage in stages):
        yield Problem(text, "it must be whole numbers with commas between them", fix=fix)
    elif len(stages) != case.pipeline or sum(map(int, stages)) != layers:
        yield Problem(text, f"{case.pipeline} stages must add up to {layers} layers", fix=fix)


@rule(
    "PAR-005",
    "Speculative decoding with a pipeline",
    severity=Severity.ERROR,
    subjects=("--speculative-algorithm", PIPELINE),
    source=measured(f"{SGLANG}; sgl-project/sglang#30775 for the variable"),
    fix="--set engine.speculative_algorithm=null",
    holds_for="pipeline parallel size above 1",
    applies=_pipelined,
)
def pipeline_with_speculation(case: Case) -> Iterable[Problem]:
    """The engine asserts that a pipeline runs without speculation. Newer upstream releases let it
    pass behind SGLANG_ENABLE_PP_SPEC=1.
    """
    opted_in = case.env("SGLANG_ENABLE_PP_SPEC") == "1" and not case.engine_up_to("0.5.18")
    if case.speculates and not opted_in:
        yield Problem(
            f"{case.value('--speculative-algorithm')} with pipeline {case.pipeline}",
            "the engine stops: pipeline parallelism is not compatible with speculative decoding",
        )


@rule(
    "PAR-006",
    "Mixed chunk with a pipeline",
    severity=Severity.ERROR,
    subjects=("--enable-mixed-chunk", PIPELINE),
    source=measured(SGLANG),
    fix="--set engine.enable_mixed_chunk=null",
    holds_for="pipeline parallel size above 1",
    applies=_pipelined,
)
def pipeline_with_mixed_chunk(case: Case) -> Iterable[Problem]:
    """The engine asserts that a pipeline runs without mixed chunk and stops at start."""
    if case.has("--enable-mixed-chunk"):
        yield Problem(
            f"--enable-mixed-chunk with pipeline {case.pipeline}",
            "the engine stops: pipeline parallelism is not compatible with mixed chunk",
        )


@rule(
    "PAR-007",
    "Index top-k pattern cut by stage boundaries",
    severity=Severity.WARNING,
    subjects=("--json-model-override-args", PARTITION),
    source=documented(f"{SGLANG}; seen by operators"),
    fix="--set env.SGLANG_PP_LAYER_PARTITION=27,24,27",
    holds_for="pipeline parallel size above 1",
    applies=_pipelined,
)
def pattern_at_boundaries(case: Case) -> Iterable[Problem]:
    """With an `index_topk_pattern` override, a stage that begins with an 'S' layer looks for the
    indexer of the layer before it, which is on another GPU, and crashes.
    """
    override = case.value("--json-model-override-args") or ""
    if "index_topk_pattern" in override and case.env(PARTITION) is None:
        yield Problem("index_topk_pattern", "stages may crash at 26/26/26; choose the boundaries")
