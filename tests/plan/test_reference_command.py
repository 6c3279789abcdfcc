"""The default launch is the model card's recipe, plus only what a rule or a source justifies."""

from __future__ import annotations

import pytest
from plans import SHIPPED, flags, plan_of

from glm_deploy.model import Mount, Restart, Ulimit

RECIPE_FLAGS = {
    "--model-path": "0xSero/GLM-5.1-555B-NVFP4",
    "--served-model-name": "glm-5.1-reap",
    "--reasoning-parser": "glm45",
    "--tool-call-parser": "glm47",
    "--tensor-parallel-size": "8",
    "--quantization": "compressed-tensors",
    "--kv-cache-dtype": "bf16",
    "--trust-remote-code": None,
    "--mem-fraction-static": "0.85",
    "--chunked-prefill-size": "16384",
    "--attention-backend": "flashinfer",
    "--fp4-gemm-backend": "b12x",
    "--moe-runner-backend": "b12x",
    "--host": "0.0.0.0",
    "--port": "5000",
}
RECIPE_ENV = {
    "SGLANG_ENABLE_JIT_DEEPGEMM": "0",
    "SGLANG_ENABLE_DEEP_GEMM": "0",
    "FLASHINFER_DISABLE_VERSION_CHECK": "1",
    "NCCL_IB_DISABLE": "1",
    "NCCL_P2P_LEVEL": "SYS",
    "NCCL_MIN_NCHANNELS": "8",
}


def test_the_flags_are_the_recipes_and_what_rules_add():
    plan = plan_of()
    recipe = {flag: () if value is None else (value,) for flag, value in RECIPE_FLAGS.items()}
    added = {flag: words for flag, words in flags(plan).items() if flag not in recipe}
    assert {flag: flags(plan)[flag] for flag in recipe} == recipe
    assert added == {"--disable-custom-all-reduce": ()}
    assert plan.because("--disable-custom-all-reduce").startswith("rule COM-001")


def test_the_flags_stand_in_the_recipes_order():
    ordered = [flag for flag in flags(plan_of()) if flag in RECIPE_FLAGS]
    assert ordered == list(RECIPE_FLAGS)


def test_the_variables_are_the_recipes():
    assert dict(plan_of().spec.env) == RECIPE_ENV


def test_the_container_is_the_recipes():
    spec = plan_of().spec
    assert spec.image == "voipmonitor/sglang:cu130"
    assert spec.gpus is not None
    assert spec.gpus.all
    assert (spec.ipc, spec.network, spec.shm_size_bytes) == ("host", "host", 8 * 1024**3)
    assert spec.ulimits == (Ulimit("memlock", -1, -1), Ulimit("stack", 67108864, 67108864))
    assert spec.mounts == (
        Mount("bind", "/home/operator/.cache/huggingface", "/root/.cache/huggingface"),
        Mount("volume", "jit-cache", "/cache/jit"),
    )


def test_restarts_and_logs_are_bounded():
    spec = plan_of().spec
    assert spec.restart == Restart("on-failure", 3)
    assert spec.log_options == {"max-size": str(50 * 1024**2), "max-file": "5"}


@pytest.mark.parametrize("profile", SHIPPED)
def test_only_long_option_names_are_used(profile):
    assert "--tp" not in flags(plan_of(profile))
    assert all(len(flag) > 4 for flag in flags(plan_of(profile)))


def test_the_smallest_box_runs_tensor_2_by_pipeline_3_on_listed_devices():
    plan = plan_of("sm120-tp2-pp3")
    assert flags(plan)["--tensor-parallel-size"] == ("2",)
    assert flags(plan)["--pipeline-parallel-size"] == ("3",)
    assert plan.spec.gpus is not None
    assert plan.spec.gpus.device_ids == ("0", "1", "2", "3", "4", "5")


def test_a_pipeline_of_one_stage_is_not_spelled_out():
    assert "--pipeline-parallel-size" not in flags(plan_of())
