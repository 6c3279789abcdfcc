"""The flag catalogues: names, aliases, argparse to the word, and the tolerant reading."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_deploy.sglang import catalogue, releases
from glm_deploy.sglang.argv import Given
from glm_deploy.sglang.option import ArgvRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbench.sglang_releases import RealParser

FORK = catalogue.load("fork-c70c22a1")
MODEL = ["--model-path", "m"]


def refusal(argv, of=FORK):
    with pytest.raises(ArgvRefused) as refused:
        of.parse([*MODEL, *argv])
    return str(refused.value)


def value(dest, *argv):
    return FORK.parse([*MODEL, *argv])[dest]


def test_the_shipped_catalogues_are_these():
    first, *_, last, fork = catalogue.names()
    assert (len(catalogue.names()), first, last, fork) == (34, "0.5.4", "0.5.23", "fork-c70c22a1")
    assert list(catalogue.names()[:-1]) == sorted(catalogue.names()[:-1], key=releases.order)


def test_an_unknown_catalogue_names_those_there_are():
    with pytest.raises(KeyError, match=r"no flag catalogue named '1.0'; there are 0.5.4, "):
        catalogue.load("1.0")


@pytest.mark.parametrize("name", catalogue.names())
def test_every_catalogue_says_where_it_comes_from(name):
    loaded = catalogue.load(name)
    assert (loaded.name, loaded.engine) == (name, "sglang")
    assert loaded.version
    assert loaded.source
    assert len(loaded.options) >= 265


@pytest.mark.parametrize("name", catalogue.names())
@pytest.mark.parametrize(
    ("alias", "canonical"),
    [
        ("--tp-size", "--tensor-parallel-size"),
        ("--tensor-parallel-size", "--tensor-parallel-size"),
        ("--pp-size", "--pipeline-parallel-size"),
        ("--ep", "--expert-parallel-size"),
        ("--model", "--model-path"),
        ("--port", "--port"),
        ("--tp", None),
        ("--no-such-flag", None),
    ],
)
def test_an_alias_has_the_same_long_name_in_every_release(name, alias, canonical):
    assert catalogue.load(name).canonical(alias) == canonical


def test_the_negative_of_a_switch_is_not_its_alias():
    release = catalogue.load("0.5.18")
    assert release.canonical("--no-dllm-fdfo") == "--no-dllm-fdfo"
    assert release.canonical("--dllm-fdfo") == "--dllm-fdfo"


def test_b12x_is_the_forks_alone():
    for flag in ("--moe-runner-backend", "--fp4-gemm-backend"):
        assert "b12x" in FORK.find(flag).choices
        assert "b12x" not in catalogue.load("0.5.23").find(flag).choices


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--pp", "3"], "ambiguous option: --pp could match --pp-size, --pp-"),
        (["--kv-cache-dtype", "fp8"], "argument --kv-cache-dtype: invalid choice: 'fp8' (choose"),
        (["--nope", "1"], "unrecognized arguments: --nope 1"),
        (["stray"], "unrecognized arguments: stray"),
        (["--port"], "argument --port: expected one argument"),
        (["--cuda-graph-bs"], "argument --cuda-graph-bs: expected at least one argument"),
        (["--port", "x"], "argument --port: invalid int value: 'x'"),
        (["--preferred-sampling-params", "{"], "argument --preferred-sampling-params: invalid"),
        (["--forward-hooks", "{"], "argument --forward-hooks: Invalid JSON list: {."),
        (["--trust-remote-code=1"], "argument --trust-remote-code: ignored explicit argument '1'"),
        (["--context-length", "1.5Ki"], "argument --context-length: Invalid integer value"),
        (["--lora-paths", '{"lora_name": "a"}'], "AssertionError: "),
        (["--help"], "asks for help"),
    ],
)
def test_a_refusal_is_in_argparses_words(argv, message):
    assert refusal(argv).startswith(message)


def test_the_model_is_required():
    with pytest.raises(ArgvRefused, match="the following arguments are required: --model-path"):
        FORK.parse([])


@pytest.mark.parametrize(
    ("argv", "dest", "expected"),
    [
        (["--tp-size", "8"], "tensor_parallel_size", 8),
        (["--tensor-par=2"], "tensor_parallel_size", 2),
        (["--context-length", "128Ki"], "context_length", 131072),
        (["--context-length", "25.6k"], "context_length", 25600),
        (["--quantization-param-path", "None"], "quantization_param_path", None),
        (["--mm-process-config", '{"fps": 1}'], "mm_process_config", {"fps": 1}),
        (["--cuda-graph-bs", "1", "2", "4"], "cuda_graph_bs", [1, 2, 4]),
        (["--model-checksum"], "model_checksum", ""),
        (["--trust-remote-code"], "trust_remote_code", True),
        (["--stream-output"], "incremental_streaming_output", True),
        (["--lora-paths", "a", '{"lora_name": "b", "lora_path": "p"}'], "lora_paths",
         ["a", {"lora_name": "b", "lora_path": "p"}]),
        ([], "trust_remote_code", False),
        ([], "port", 30000),
        ([], "kv_cache_dtype", "auto"),
    ],
)  # fmt: skip
def test_a_value_arrives_converted(argv, dest, expected):
    assert value(dest, *argv) == expected


def test_switches_with_a_negative_form_take_both():
    release = catalogue.load("0.5.18")
    assert release.parse([*MODEL, "--no-dllm-fdfo"])["dllm_fdfo"] is False
    assert release.parse(MODEL)["dllm_fdfo"] is True


@pytest.mark.parametrize("version", ["0.5.10.post1", "0.5.18", "0.5.23"])
def test_the_catalogue_and_the_real_parser_agree(
    version: str, real_parser: Callable[[str], RealParser]
) -> None:
    rebuilt = catalogue.load(version)
    tried = [
        [*MODEL, *more]
        for more in (
            [],
            ["--tensor-parallel-size", "8", "--pp-size=3", "--trust-remote-code"],
            ["--tensor-par", "8", "--mem-fraction-static", ".85"],
            ["--model-loader-extra-config", '{"num_threads": 16}'],
            ["--cuda-graph-bs", "1", "2", "--context-length", "64k"],
            ["--pp", "3"],
            ["--tp", "2"],
            ["--fp4-gemm-backend", "b12x"],
            ["--kv-cache-dtype", "fp8"],
            ["--port", "five"],
            ["--port", "-1"],
            ["--no-such-flag", "--port", "1", "stray"],
            ["--cuda-graph-bs"],
            ["--preferred-sampling-params", "{"],
            ["--stream-output"],
            ["--lora-paths", "a=b", "c"],
            ["--experts-shared-outer-loras", "--no-experts-shared-outer-loras"],
        )
    ] + [[]]
    for argv, real in zip(tried, real_parser(version).judge(tried), strict=True):
        try:
            mine = rebuilt.parse(argv)
        except ArgvRefused as refused:
            assert (str(refused), real.accepted) == (real.message, False)
        else:
            assert real.accepted, real.message
            given = {g.flag for g in rebuilt.read(argv).given}
            for dest in {rebuilt.find(flag).dest for flag in given}:
                assert mine[dest] == real.namespace[dest]


def test_a_reading_tells_flags_values_and_the_rest():
    reading = FORK.read(
        ["--tp-size", "8", "--trust-remote-code", "stray", "--port=5000", "--cuda-graph-bs", "1",
         "2", "--pcie-thing", "a", "b", "--dist-timeout", "-1", "--pp", "3", "--", "--port"]
    )  # fmt: skip
    assert reading.given == (
        Given("--tp-size", "--tensor-parallel-size", ("8",), 0),
        Given("--trust-remote-code", "--trust-remote-code", (), 2),
        Given("--port", "--port", ("5000",), 4),
        Given("--cuda-graph-bs", "--cuda-graph-bs", ("1", "2"), 5),
        Given("--pcie-thing", None, ("a", "b"), 8),
        Given("--dist-timeout", "--dist-timeout", ("-1",), 11),
        Given("--pp", None, ("3",), 13),
    )
    assert reading.positionals == ("stray", "--port")
    assert [given.written for given in reading.unknown] == ["--pcie-thing", "--pp"]


def test_a_reading_completes_what_argparse_would_complete():
    [given] = FORK.read(["--tensor-par", "8"]).given
    assert given == Given("--tensor-par", "--tensor-parallel-size", ("8",), 0)


def test_json_is_a_value_and_a_missing_value_is_none():
    json = '{"enable_multithread_load": true, "num_threads": 16}'
    reading = FORK.read(["--model-loader-extra-config", json, "--port"])
    assert [given.values for given in reading.given] == [(json,), ()]


WORDS = st.text(st.characters(exclude_characters="=")).filter(lambda word: word != "--")


@given(st.lists(WORDS | st.sampled_from(["--port", "--tp-size", "--cuda-graph-bs", "-", "-1"])))
def test_any_argv_can_be_read_and_no_word_is_lost(argv):
    reading = FORK.read(argv)
    words = [word for g in reading.given for word in (g.written, *g.values)]
    assert sorted([*words, *reading.positionals]) == sorted(argv)
    assert all(argv[g.position] == g.written for g in reading.given)


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("--tensor-paralel-size", "--tensor-parallel-size"),
        ("--kv-cache-type", "--kv-cache-dtype"),
        ("--chunk-prefill-size=64", "--chunked-prefill-size"),
    ],
)
def test_a_slip_of_the_hand_finds_its_flag(word, first):
    assert FORK.nearest(word)[0] == first


def test_a_flag_of_patched_images_is_no_slip():
    assert FORK.nearest("--enable-pcie-oneshot-allreduce") == []


def test_reading_a_command_needs_no_argparse():
    code = (
        "import sys; from glm_deploy.sglang import catalogue;"
        "catalogue.load('fork-c70c22a1').read(['--port', '1']);"
        "assert not {'argparse', 'difflib', 'pydantic', 'yaml'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
