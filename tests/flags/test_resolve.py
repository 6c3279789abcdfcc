"""What the real sglang makes of a plan, on eight cards that are not there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cli"))
from invocation import glm
from testbench.sglang_releases import PYTHON, SGLANG, command

UPSTREAM = ("resolve", "-p", "sm120-tp8-upstream")
# What no release resolves for this checkpoint is left to the engine.
SOUND = ("--set", "engine.moe_runner_backend=cutlass", "--set", "engine.fp4_gemm_backend=null")


@pytest.fixture
def resolved(data, on_test_engine, sglang_image):
    """Ask the sglang in the test image."""

    def ask(*args):
        outcome = glm(*UPSTREAM, *args, "--image", sglang_image, "--json")
        assert outcome.code in (0, 1), outcome.err
        return outcome.code, json.loads(outcome.out)

    return ask


def test_what_the_engine_fills_in_is_shown_beside_the_plan(resolved):
    code, found = resolved(*SOUND)
    assert code == 0
    assert found["verdict"] == "ready"
    assert found["changed"]["page_size"] == [None, 64]
    assert found["changed"]["kv_cache_dtype"] == ["bf16", "bfloat16"]
    assert "tensor_parallel_size" not in found["changed"]


def test_an_attention_backend_left_open_is_filled_in(resolved):
    _, found = resolved(*SOUND, "--set", "engine.kv_cache_dtype=auto")
    assert found["changed"]["dsa_decode_backend"][0] is None
    assert found["changed"]["dsa_decode_backend"][1]


def test_pipeline_parallel_turns_the_overlap_off(resolved):
    split = ("--set", "parallelism.tensor=2", "--set", "parallelism.pipeline=3")
    _, found = resolved(*SOUND, *split, "--set", "hardware.gpus=6")
    assert found["changed"]["disable_overlap_schedule"] == [False, True]


def test_the_engines_own_assertion_is_a_finding(resolved):
    code, found = resolved("--set", "engine.moe_runner_backend=flashinfer_cutlass")
    assert code == 1
    [finding] = found["findings"]
    assert (finding["observed"], finding["severity"]) == ("AssertionError", "error")
    assert "Invalid quantization 'compressed-tensors'" in finding["message"]
    assert finding["source"] == "sglang 0.5.23: its own argument resolution, run just now"


def test_people_get_the_reason_beside_what_the_engine_overrules(data, on_test_engine, sglang_image):
    shown = glm(*UPSTREAM, *SOUND, "--image", sglang_image)
    assert shown.code == 0
    assert "  --page-size: null -> 64" in shown.out.splitlines()
    assert '--kv-cache-dtype: "bf16" -> "bfloat16"  (rule KV-001' in shown.out


def test_a_venv_is_asked_with_its_own_python(data, tmp_path):
    command("0.5.23", "extract")  # skips where the release is not unpacked
    python = tmp_path / "python"
    text = f'#!/bin/sh\nPYTHONPATH={SGLANG / "0.5.23"} exec {PYTHON} "$@"\n'
    python.write_text(text, encoding="utf-8")
    python.chmod(0o755)
    shown = glm(*UPSTREAM, *SOUND, "--python", str(python))
    assert shown.code == 0, shown.err
    assert "--page-size: null -> 64" in shown.out


def test_an_unknown_model_asks_for_its_config():
    outcome = glm(*UPSTREAM, "--set", "model.id=somebody/else", "--python", "/no/python")
    assert outcome.code == 2
    assert "--config FILE" in outcome.err


def test_a_python_that_is_not_there():
    outcome = glm(*UPSTREAM, "--python", "/no/python")
    assert outcome.code == 2
    assert "/no/python cannot be run" in outcome.err
