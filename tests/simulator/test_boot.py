"""How a simulated server comes up: argv, log, phases, ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from glm_deploy.sglang import catalogue
from glm_deploy.sglang.boot_log import Phase, read_line, split_log
from glm_deploy.sglang.option import ArgvRefused

if TYPE_CHECKING:
    from pathlib import Path

FORK = catalogue.load("fork-c70c22a1")


@pytest.mark.parametrize(
    "argv",
    [
        ["--model-path", "m", "--tp", "2", "--pp", "3"],
        ["--model-path", "m", "--kv-cache-dtype", "fp8"],
        ["--model-path", "m", "--no-such-flag"],
        ["--tensor-parallel-size", "8"],
    ],
)
def test_what_argparse_refuses_ends_it_with_the_same_words(start, argv):
    with pytest.raises(ArgvRefused) as refusal:
        FORK.parse(argv)
    simulator = start(argv=argv)
    assert simulator.wait() == 2
    # `start` puts --port behind; none of these messages mentions it.
    assert simulator.log.startswith("usage: sglang serve [-h]")
    assert simulator.log.endswith(f"\nsglang serve: error: {refusal.value}\n")


def test_another_release_has_other_flags(start):
    simulator = start(CATALOGUE="0.5.18")
    assert simulator.wait() == 2
    assert "argument --fp4-gemm-backend: invalid choice: 'b12x'" in simulator.log


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SCENARIO", "fire", "no scenario named 'fire'; there are none, oom-at-load, hang-in-"),
        ("SPEED", "fast", "'fast' is not a number above 0"),
        ("SPEED", "0", "'0' is not a number above 0"),
        ("CATALOGUE", "9.9", "no flag catalogue named '9.9'; there are 0.5.4, "),
        ("SPED", "1", "GLM_DEPLOY_SIMULATOR_SPED is no variable of the simulator"),
    ],
)
def test_a_setting_it_cannot_read_is_one_message(start, variable, value, message):
    simulator = start(**{variable: value})
    assert simulator.wait() == 2
    assert message in simulator.log
    assert simulator.log.count("\n") == 1


def test_the_variable_of_the_image_build_does_not_disturb(start):
    start(BASE="debian:12").ready()


@pytest.mark.parametrize(
    ("more", "last_words"),
    [
        (["--served-model-name", "a:b"], "served_model_name cannot contain a colon"),
        (
            ["--pipeline-parallel-size", "2", "--speculative-algorithm", "EAGLE"],
            "AssertionError: Pipeline parallelism is not compatible with overlap schedule",
        ),
        (
            ["--pipeline-parallel-size", "2", "--enable-mixed-chunk"],
            "AssertionError: Pipeline parallelism is not compatible with overlap schedule",
        ),
        (
            ["--chunked-prefill-size", "1000"],
            "AssertionError: chunked_prefill_size must be divisible by page_size",
        ),
        (["--expert-parallel-size", "8"], "ValueError: the b12x MoE runner"),
        (["--kv-cache-dtype", "fp8_e5m2"], "AssertionError: DeepSeek DSA only supports"),
        (["--tensor-parallel-size", "6"], "assert num_heads % attn_tp_size == 0"),
        (["--model-loader-extra-config", "{enable"], "json.decoder.JSONDecodeError"),
        (["--mem-fraction-static", "0.3"], "Please try to increase --mem-fraction-static"),
        (["--model-path", "0xSero/GLM-5.1-555B"], "torch.OutOfMemoryError: CUDA out of memory"),
    ],
)
def test_what_only_the_engine_refuses_ends_it_with_a_traceback(start, more, last_words):
    simulator = start(*more)
    assert simulator.wait() == 1
    assert "Traceback (most recent call last):" in simulator.log
    assert last_words in simulator.log


def test_the_boot_log_tells_every_phase_in_order(start):
    simulator = start().ready()
    events = [event for line in split_log(simulator.log) if (event := read_line(line))]
    phases = list(dict.fromkeys(event.phase for event in events))
    assert phases == list(Phase)
    shards = [e.done for e in events if e.phase is Phase.WEIGHTS and e.total]
    assert shards == list(range(65))
    graphs = [(e.done, e.total) for e in events if e.phase is Phase.GRAPHS and e.total]
    assert graphs[0] == (0, 52)
    assert graphs[-1] == (52, 52)
    assert {e.ranks for e in events if e.phase is Phase.KV_CACHE} == {f"TP{n}" for n in range(8)}


def test_ranks_of_a_pipeline_are_named_by_stage(start):
    simulator = start("--tensor-parallel-size", "2", "--pipeline-parallel-size", "3").ready()
    assert " PP2 TP1] Load weight begin." in simulator.log


def test_kv_tokens_follow_from_the_memory_left_over(start):
    tokens = {}
    for fraction in ("0.80", "0.90"):
        simulator = start("--mem-fraction-static", fraction).ready()
        [event] = [
            event
            for line in split_log(simulator.log)
            if (event := read_line(line)) and event.phase is Phase.KV_CACHE and event.ranks == "TP0"
        ]
        tokens[fraction] = event.numbers["tokens"]
        assert event.numbers["tokens"] % 64 == 0
    # A tenth of 94 GiB, at 78 layers x 1284 bytes a token.
    assert tokens["0.90"] - tokens["0.80"] == pytest.approx(0.1 * 94 * 2**30 / 100_152, rel=0.01)


def test_nobody_listens_before_the_graphs_are_captured(start):
    simulator = start(speed=400)
    simulator.says("Load weight end.")
    assert simulator.health() is None
    assert "Capture cuda graph end." not in simulator.log


def test_it_lists_its_model_but_is_not_healthy_until_it_is_warm(start):
    simulator = start("--disable-cuda-graph", speed=200)
    simulator.says("Uvicorn running on")
    assert simulator.health() == 503
    assert httpx.get(f"{simulator.url}/v1/models").status_code == 200
    assert "fired up" not in simulator.log
    simulator.ready()
    assert "The server is fired up and ready to roll!" in simulator.log


def test_a_second_server_on_the_port_fails_only_after_its_boot(start, served):
    second = start(port=served.port)
    assert second.wait() == 1
    assert "Memory pool end." in second.log
    assert "[Errno 98] error while attempting to bind on address" in second.log
    assert second.log.endswith("address already in use\n")


def test_arguments_of_a_config_file_count_and_the_command_line_wins(start, tmp_path: Path):
    config = tmp_path / "server.yaml"
    config.write_text(
        "# a secret\napi-key: 'xyz # not a comment'\n"
        "served-model-name: from-file # gone\nenable-metrics: true\nlog-requests: false\n"
    )
    simulator = start("--config", str(config)).ready()
    headers = {"Authorization": "Bearer xyz # not a comment"}
    models = httpx.get(f"{simulator.url}/v1/models", headers=headers).json()
    assert models["data"][0]["id"] == "glm-5.1-reap"
    assert httpx.get(f"{simulator.url}/metrics").status_code == 200


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("missing.yaml", None, "ValueError: Config file not found: "),
        ("server.txt", "port: 1\n", "ValueError: Config file must be YAML format, got: .txt"),
        ("nested.yaml", "a:\n  b: 1\n", "ValueError: config line 1: "),
    ],
)
def test_a_config_file_it_cannot_use_ends_it(start, tmp_path: Path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    simulator = start("--config", str(tmp_path / name))
    assert simulator.wait() == 1
    assert message in simulator.log
