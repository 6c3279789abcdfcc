"""What is read out of each kind of document: words, variables, container, and their places."""

from __future__ import annotations

import pytest
from lints import GLM, findings, linted, reading

from glm_deploy.errors import UsageError
from glm_deploy.model import GpuRequest, Mount, Restart, Ulimit

SERVE = f"python3 -m sglang.launch_server --model-path {GLM}"


def flags(text, files=None):
    return list(reading(text, files).spec.argv[3:])


def test_docker_options_in_every_spelling():
    spec = reading(
        "sudo -E docker run -it --rm -d --name x --gpus '\"device=0,1\"' --ipc=host --shm-size 8g "
        "-eA=1 -e B='2 3' --env C=4 -v/srv:/srv:ro --volume jit:/cache/jit --ulimit memlock=-1:-1 "
        "--mount type=bind,source=/m,target=/models,readonly --restart on-failure:3 --net host "
        f"--tmpfs /t:size=1g img/sglang:1 {SERVE}"
    ).spec
    assert spec.gpus == GpuRequest(("0", "1"))
    assert (spec.ipc, spec.shm_size_bytes, spec.network) == ("host", 8 * 1024**3, "host")
    assert spec.env == {"A": "1", "B": "2 3", "C": "4"}
    assert spec.mounts == (
        Mount("bind", "/srv", "/srv", True),
        Mount("volume", "jit", "/cache/jit"),
        Mount("bind", "/m", "/models", True),
    )
    assert spec.ulimits == (Ulimit("memlock", -1, -1),)
    assert spec.restart == Restart("on-failure", 3)
    assert spec.tmpfs == ("/t",)


@pytest.mark.parametrize(
    ("gpus", "ids"),
    [
        ("all", ()),
        ("2", ("0", "1")),
        ("device=3", ("3",)),
        ("'\"device=0,1\"'", ("0", "1")),
        ('"device=0,1"', ("0", "1")),
        ("'device=GPU-a,GPU-b'", ("GPU-a", "GPU-b")),
    ],
)
def test_gpus_as_docker_takes_them(gpus, ids):
    assert reading(f"docker run --gpus {gpus} sglang {SERVE}").spec.gpus == GpuRequest(ids)


def test_assignments_of_the_text_are_filled_in_and_only_exported_ones_reach_the_engine():
    text = f"A=1\nexport B=2 C\nD=3\nexport D\nE=5 {SERVE} --port $A --host ${{H:-::}} --tp ${{TP}}"
    found = reading(text)
    assert found.spec.env == {"B": "2", "D": "3", "E": "5"}
    assert found.spec.argv[-4:] == ("--port", "1", "--host", "::")
    assert found.doubts == {"--tensor-parallel-size": "--tp is ${TP}"}


def test_nothing_comes_from_the_environment_of_whoever_runs_it(monkeypatch):
    monkeypatch.setenv("SECRET_PORT", "1234")
    found = reading(f"{SERVE} --port $SECRET_PORT -e X=$SECRET_PORT")
    assert "1234" not in str(found)


def test_a_nested_shell_sees_the_variables_of_its_container():
    text = f"docker run -e TP=8 img/sglang bash -lc 'X=1; export Y=2; exec {SERVE} --tp $TP'"
    found = reading(text)
    assert found.spec.argv[-2:] == ("--tp", "8")
    assert found.spec.env == {"TP": "8", "Y": "2"}


def test_arrays_and_unquoted_variables_become_words():
    text = f"A=(--tp 8)\nA+=(--port 1)\nB='--host ::'\n{SERVE} \"${{A[@]}}\" $B"
    assert flags(text)[2:] == ["--tp", "8", "--port", "1", "--host", "::"]


def test_an_env_file_beside_the_document_is_read_and_another_is_named():
    text = f"docker run --env-file a.env --env-file b.env img/sglang {SERVE}"
    found = reading(text, {"a.env": "# c\nX=1 2\nY=\n"})
    assert found.spec.env == {"X": "1 2", "Y": ""}
    assert [note.text for note in found.foreign.notes] == ["--env-file b.env was not read"]


COMPOSE = """\
x-env: &env
  A: "1"
services:
  base:
    image: img/sglang:1
    ipc: host
    volumes: [hf:/root/.cache/huggingface]
  list:
    extends: {service: base}
    entrypoint: []
    command: [python3, -m, sglang.launch_server, --model-path, M, "--port=$PORT"]
    environment: {<<: *env, B: 2, C: }
    volumes: [jit:/cache/jit]
  text:
    image: img/sglang:${TAG:-7}
    command: |
      sglang serve --model-path 'M N'
      --host "$$HOST"
    env_file: x.env
"""


def test_compose_services_as_lists_and_text():
    first, second = (j.reading for j in linted(COMPOSE, {"x.env": "D=4", ".env": "PORT=9"}).judged)
    assert first.spec.argv[3:] == ("--model-path", "M", "--port=9")
    assert (first.spec.ipc, first.spec.image) == ("host", "img/sglang:1")
    assert first.spec.env == {"A": "1", "B": "2"}
    assert first.doubts == {"C": "C is $C"}
    assert [m.target for m in first.spec.mounts] == ["/root/.cache/huggingface", "/cache/jit"]
    assert second.spec.argv[3:] == ("--model-path", "M N", "--host", "$HOST")
    assert (second.spec.image, second.spec.env) == ("img/sglang:7", {"D": "4"})


def test_places_in_a_compose_file():
    text = COMPOSE.replace('"--port=$PORT"', "--gpu-memory-utilization, '0.9'")
    found = findings(text)["FLG-005"]
    line = next(n for n, row in enumerate(text.split("\n"), 1) if "utilization" in row)
    assert (found.subject, found.line) == ("--gpu-memory-utilization", line)
    assert text.split("\n")[line - 1][found.column - 1 :].startswith("--gpu-memory-utilization")


def test_a_flag_in_a_folded_command_has_its_own_line():
    head = "services:\n  a:\n    image: i/sglang\n    command: >\n"
    text = f"{head}      {SERVE}\n      --enforce-eager\n"
    found = findings(text)["FLG-005"]
    assert (found.line, found.column) == (6, 7)


def test_a_unit_with_docker_inside():
    text = (
        "[Service]\nEnvironment='A=1 2' B=3\nEnvironmentFile=-x.env\n"
        f"ExecStart=-/usr/bin/docker run --gpus all img/sglang \\\n  {SERVE} --port 5\n"
    )
    found = reading(text, {"x.env": 'C="4"'})
    assert found.spec.image == "img/sglang"
    assert found.spec.argv[-2:] == ("--port", "5")
    plain = reading(f"[Service]\nEnvironment=A=1\nExecStart=/v/bin/{SERVE} --port ${{A}}\n")
    assert (plain.spec.env, plain.spec.argv[-1]) == ({"A": "1"}, "1")


def test_a_leader_worker_set_has_two_launches():
    pod = {"image": "lmsysorg/sglang:v0.5.18"}
    text = "\n".join(
        [
            "apiVersion: leaderworkerset.x-k8s.io/v1",
            "kind: LeaderWorkerSet",
            "metadata: {name: glm}",
            "spec:",
            "  leaderWorkerTemplate:",
            *(
                f"    {part}: {{spec: {{containers: [{{name: {part}, image: '{pod['image']}', "
                "command: [sh, -c, 'exec sglang serve --model-path M --nnodes 2 --tp 16'], "
                "env: [{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}}"
                for part in ("leaderTemplate", "workerTemplate")
            ),
        ]
    )
    names = [j.reading.foreign.name for j in linted(text).judged]
    assert names == ["leaderTemplate", "workerTemplate"]
    assert linted(text).judged[0].reading.spec.hardware.gpus == 8
    assert linted(text).judged[0].reading.doubts == {"X": "X is $(X)"}


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("vllm serve X --tensor-parallel-size 8", "vLLM"),
        ("docker run vllm/vllm-openai:latest --model X", "vLLM"),
        ("docker run ghcr.io/ggml-org/llama.cpp:server -m x.gguf", "llama.cpp"),
        ("./build/bin/llama-server -m x.gguf -c 4096", "llama.cpp"),
        ("services:\n  a:\n    image: ollama/ollama\n", "Ollama"),
    ],
)
def test_other_engines_are_named_and_declined(text, engine):
    with pytest.raises(UsageError, match=engine):
        linted(text)


def test_a_text_without_a_launch_is_refused_with_what_is_wanted():
    with pytest.raises(UsageError, match="no launch of SGLang"):
        linted("echo hello")


@pytest.mark.parametrize(
    ("image", "engine"),
    [
        ("lmsysorg/sglang:v0.5.10.post1-cu130", ("0.5.10.post1", "0.5.10.post1", False)),
        ("lmsysorg/sglang:v0.5.18", ("0.5.18", "0.5.18", False)),
        ("voipmonitor/sglang:cu130", ("0.5.10", "fork-c70c22a1", True)),
        ("registry.me/sglang:v0.5.18-b12x", ("0.5.18", "0.5.18", True)),
        ("my/sglang", ("0.5.10", "fork-c70c22a1", True)),
    ],
)
def test_the_image_tells_the_engine(image, engine):
    found = reading(f"docker run {image} {SERVE}").spec.engine
    assert (found.version, found.parser, found.patched) == engine


def test_the_release_that_is_given_outweighs_the_image():
    assert (
        reading(f"docker run my/sglang {SERVE}", release="0.5.18").spec.engine.version == "0.5.18"
    )


def test_gpus_of_another_kind_are_judged_as_such():
    hardware = reading(f"{SERVE} --tp 8", gpus="8x NVIDIA H100").spec.hardware
    assert (hardware.gpus, hardware.compute_capability) == (8, (9, 0))
    with pytest.raises(UsageError, match="names no card"):
        reading(SERVE, gpus="8x Voodoo 2")


def test_fixes_are_written_in_the_words_of_the_command():
    found = findings(f"docker run --gpus all voipmonitor/sglang:cu130 {SERVE}")
    assert found["KV-001"].fix == "--kv-cache-dtype bf16"
    assert found["DGM-001"].fix == "-e SGLANG_ENABLE_JIT_DEEPGEMM=0"
    assert found["CTR-003"].fix == "--ulimit memlock=-1"


def test_a_value_that_is_not_known_is_neither_passed_nor_blamed():
    report = linted(f"{SERVE} --kv-cache-dtype $KV").report
    assert "KV-001" not in {f.rule for f in report.findings} | {p.rule for p in report.passed}
    assert {s.reason for s in report.skipped if s.rule == "KV-001"} == {"--kv-cache-dtype is $KV"}


def test_a_captured_parser_has_the_last_word():
    from glm_deploy.sglang.catalogue import load

    text = f"docker run --gpus all my/sglang {SERVE} --fp4-gemm-backend b12x"
    assert "FLG-001" not in findings(text)
    told = findings(text, captured=lambda image: load("0.5.10.post1"))
    assert "FLG-001" in told
