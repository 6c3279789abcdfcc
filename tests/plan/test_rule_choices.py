"""Rules decide what the profile leaves open, and only that."""

from __future__ import annotations

import pytest
from plans import SHIPPED, flags, plan_of

from glm_deploy.model import Severity
from glm_deploy.rules import CATALOGUE, judge

OPEN = """\
extends: sm120-tp8
model:
  quantization: null
engine:
  kv_cache_dtype: null
  attention_backend: null
  disable_custom_all_reduce: null
env:
  SGLANG_ENABLE_JIT_DEEPGEMM: null
  SGLANG_ENABLE_DEEP_GEMM: null
  NCCL_IB_DISABLE: null
"""
DECIDED = {
    "--kv-cache-dtype": ("bf16", "KV-001"),
    "--attention-backend": ("flashinfer", "ATT-001"),
    "--disable-custom-all-reduce": ("", "COM-001"),
    "--quantization": ("compressed-tensors", "MDL-001"),
    "SGLANG_ENABLE_JIT_DEEPGEMM": ("0", "DGM-001"),
    "SGLANG_ENABLE_DEEP_GEMM": ("0", "DGM-002"),
    "NCCL_IB_DISABLE": ("1", "IMG-002"),
}
NEXTN = "engine.speculative_algorithm=NEXTN"


def decided_by_rules(plan):
    return {
        d.subject: (d.value, d.because.name) for d in plan.decisions if d.because.kind == "rule"
    }


def test_what_an_own_profile_leaves_open_is_decided_by_rules(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(OPEN, "utf-8")
    plan = plan_of(str(path))
    assert decided_by_rules(plan) == DECIDED
    assert judge(plan.spec).at_or_above(Severity.ERROR) == ()


@pytest.mark.parametrize("profile", SHIPPED)
def test_a_shipped_plan_is_not_blocked(profile):
    assert judge(plan_of(profile).spec).verdict != "blocked"


@pytest.mark.parametrize(
    ("setting", "subject", "value"),
    [
        ("engine.kv_cache_dtype=fp8_e4m3", "--kv-cache-dtype", "fp8_e4m3"),
        ("engine.attention_backend=triton", "--attention-backend", "triton"),
        ("engine.extra_args.--kv-cache-dtype=auto", "--kv-cache-dtype", "auto"),
        ("env.SGLANG_ENABLE_JIT_DEEPGEMM=1", "SGLANG_ENABLE_JIT_DEEPGEMM", "1"),
        ("env.NCCL_IB_DISABLE=", "NCCL_IB_DISABLE", ""),
    ],
)
def test_what_is_set_is_never_decided_again(setting, subject, value):
    plan = plan_of("sm120-tp8", setting)
    (decision,) = (d for d in plan.decisions if d.subject == subject)
    assert decision.value == value
    assert decision.because.kind == "override"


@pytest.mark.parametrize(
    "setting",
    [
        "engine.disable_custom_all_reduce=false",
        "engine.extra_args.--disable-custom-all-reduce=false",
    ],
)
def test_a_switch_that_is_set_to_false_is_not_turned_on_by_a_rule(setting):
    plan = plan_of("sm120-tp8", setting)
    assert "--disable-custom-all-reduce" not in flags(plan)
    assert "COM-001" in {finding.rule for finding in judge(plan.spec).findings}


def test_a_flag_that_is_given_abbreviated_is_not_decided_again():
    plan = plan_of("sm120-tp8", "engine.extra_args.--kv-cache-dt=auto")
    assert "--kv-cache-dtype" not in flags(plan)
    assert {"KV-001", "FLG-004"} <= {finding.rule for finding in judge(plan.spec).findings}


def test_speculation_decides_spec_v2_on_old_engines():
    plan = plan_of("sm120-tp8", NEXTN)
    assert plan.spec.env["SGLANG_ENABLE_SPEC_V2"] == "True"
    assert plan.because("SGLANG_ENABLE_SPEC_V2").startswith("rule SPC-001")


@pytest.mark.parametrize("version", ["0.5.12", "0.5.18", "0.5.23", "0.6.0", "1.0"])
def test_speculation_decides_nothing_on_engines_where_it_is_the_default(version):
    plan = plan_of("sm120-tp8", NEXTN, f"image.engine.version={version}")
    assert "SGLANG_ENABLE_SPEC_V2" not in plan.spec.env


def test_without_speculation_nothing_is_decided_for_it():
    assert "SGLANG_ENABLE_SPEC_V2" not in plan_of().spec.env


@pytest.mark.parametrize(
    ("version", "decided"),
    [("0.5.9", True), ("0.5.16", True), ("0.5.16.post2", True), ("0.5.17", False), ("1.0", False)],
)
def test_bf16_is_decided_for_engines_that_read_fp8_back_wrong(version, decided):
    plan = plan_of("sm120-tp8", f"image.engine.version={version}")
    assert ("--kv-cache-dtype" in flags(plan)) is decided


def test_the_quantization_is_the_checkpoints():
    plan = plan_of("sm120-tp8", "model.id=lukealonso/GLM-5.1-NVFP4", "model.quantization=null")
    assert flags(plan)["--quantization"] == ("modelopt_fp4",)


def test_of_an_unknown_checkpoint_the_quantization_is_left_to_the_engine():
    plan = plan_of("sm120-tp8", "model.id=/models/mine", "model.quantization=null")
    assert "--quantization" not in flags(plan)


def test_an_image_that_is_not_known_gets_none_of_the_known_ones_variables():
    assert "NCCL_IB_DISABLE" not in plan_of("sm120-tp8-upstream").spec.env


def test_nothing_for_sm120_is_decided_on_another_architecture():
    plan = plan_of("sm120-tp8", "hardware.compute_capability=9.0")
    assert {by for _, by in decided_by_rules(plan).values()} <= {"IMG-002"}


@pytest.mark.parametrize("tensor", [3, 5, 6, 7])
def test_a_tensor_size_that_does_not_divide_64_heads_is_blocked(tensor):
    plan = plan_of("sm120-tp8", f"parallelism.tensor={tensor}", f"hardware.gpus={tensor}")
    errors = judge(plan.spec).at_or_above(Severity.ERROR)
    assert [(f.rule, f.message) for f in errors] == [
        ("PAR-001", f"64 heads do not divide by {tensor}")
    ]


def test_every_rule_that_decides_is_met_here():
    deciding = {
        rule_id for rule_id, rule in CATALOGUE.items() if rule.decides.__name__ != "decides_nothing"
    }
    assert deciding == {by for _, by in DECIDED.values()} | {"SPC-001"}
