"""What is wrong in a profile is said with its line, and with what was probably meant."""

from __future__ import annotations

import pytest
from profile_files import EXTENDS, refusal, write


@pytest.fixture
def refused(tmp_path):
    """Write a profile that extends sm120-tp8 and return the lines that refuse it, paths cut."""

    def of(text, *settings):
        path = write(tmp_path, EXTENDS + text)
        return [line.replace(path, "my.yaml") for line in refusal(path, *settings)]

    return of


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("engin: {}\n", "my.yaml:2: engin is not a key of a profile; did you mean engine?"),
        (
            "server:\n  host: 0.0.0.0\n  prt: 6\n",
            "my.yaml:4: server.prt is not a key of a profile; did you mean server.port?",
        ),
        (
            "engine:\n  atention_backend: x\n",
            "my.yaml:3: engine.atention_backend is not a key of a profile; "
            "did you mean engine.attention_backend?",
        ),
        (
            "engine:\n  mem-fraction-static: 0.8\n",
            "my.yaml:3: engine.mem-fraction-static is not a key of a profile; "
            "did you mean engine.mem_fraction_static?",
        ),
        (
            "engine:\n  --kv-cache-dtype: bf16\n",
            "my.yaml:3: engine.--kv-cache-dtype is not a key of a profile; "
            "did you mean engine.kv_cache_dtype?",
        ),
        (
            "image:\n  engine:\n    verison: 0.5.10\n",
            "my.yaml:4: image.engine.verison is not a key of a profile; "
            "did you mean image.engine.version?",
        ),
        (
            "container:\n  restart:\n    max_retry: 3\n",
            "my.yaml:4: container.restart.max_retry is not a key of a profile; "
            "did you mean container.restart.max_retries?",
        ),
        ("port: 6\n", "my.yaml:2: port is not a key of a profile; did you mean server.port?"),
        (
            "kv_cache_dtype: bf16\n",
            "my.yaml:2: kv_cache_dtype is not a key of a profile; "
            "did you mean engine.kv_cache_dtype?",
        ),
        (
            "model:\n  tensor: 4\n",
            "my.yaml:3: model.tensor is not a key of a profile; did you mean parallelism.tensor?",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_its_line_and_the_nearest_key(refused, text, message):
    assert refused(text) == [message]


def test_a_key_near_to_none_is_refused_with_the_keys_there_are(refused):
    (line,) = refused("server:\n  zzz: 1\n")
    assert line == (
        "my.yaml:3: server.zzz is not a key of a profile; "
        "it may be one of: api_key_file, host, port"
    )


def test_everything_that_is_wrong_is_said_at_once(refused):
    lines = refused("server:\n  prt: 6\n  port: x\nengin: {}\n")
    assert len(lines) == 3
    assert {line.split(": ")[0] for line in lines} == {"my.yaml:3", "my.yaml:4", "my.yaml:5"}


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("server:\n  port: abc\n", "my.yaml:3: server.port = 'abc'", "valid integer"),
        ("server:\n  port: 0\n", "my.yaml:3: server.port = 0", "greater than or equal to 1"),
        ("server:\n  port: 70000\n", "my.yaml:3: server.port = 70000", "65535"),
        ("server:\n  port: 5000.5\n", "my.yaml:3: server.port = 5000.5", "integer"),
        ("server:\n  port: '5000'\n", "my.yaml:3: server.port = '5000'", "integer"),
        ("parallelism:\n  tensor: true\n", "my.yaml:3: parallelism.tensor = True", "integer"),
        ("server: 3\n", "my.yaml:2: server = 3", "it is a section, a map of keys"),
        ("engine: [a]\n", "my.yaml:2: engine = ['a']", "it is a section, a map of keys"),
        ("env: x\n", "my.yaml:2: env = 'x'", "it is a map of keys"),
        ("env:\n  A: [1]\n", "my.yaml:3: env.A = ['1']", "valid string"),
        ("env:\n  1A: x\n", "my.yaml:3: env.1A", "match pattern '^[A-Za-z_][A-Za-z0-9_]*$'"),
        (
            "engine:\n  trust_remote_code: no\n",
            "my.yaml:3: engine.trust_remote_code = 'no'",
            "it must be true or false",
        ),
        ("engine:\n  mem_fraction_static: 85\n", "my.yaml:3: engine.mem_fraction_static", "than 1"),
        ("engine:\n  extra_args: {tp: 3}\n", "my.yaml:3: engine.extra_args.tp", "'^--[a-z0-9]"),
        (
            "engine:\n  extra_args:\n    --port: 3\n",
            "my.yaml:4: engine.extra_args.--port",
            "--port has a key of its own: set server.port",
        ),
        (
            "engine:\n  extra_args:\n    --api-key: x\n",
            "my.yaml:4: engine.extra_args.--api-key",
            "set server.api_key_file",
        ),
        (
            "hardware:\n  compute_capability: sm120\n",
            "my.yaml:3: hardware.compute_capability = 'sm120'",
            'a compute capability looks like "12.0"',
        ),
        (
            "container:\n  shm_size: 8q\n",
            "my.yaml:3: container.shm_size = '8q'",
            "for example 8g or 512m",
        ),
        (
            "container:\n  ulimits:\n    memlock: {soft: 1}\n",
            "my.yaml:4: container.ulimits.memlock",
            "container.ulimits.memlock has no hard",
        ),
        ("container:\n  volumes: {data: /data}\n", "my.yaml:3: container.volumes.data", "'^/[^:"),
        ("container:\n  volumes: {/data: ./x}\n", "my.yaml:3: container.volumes./data", "$'"),
        ("container:\n  devices: some\n", "my.yaml:3: container.devices = 'some'", "'all'"),
        ("container:\n  restart: {policy: maybe}\n", "my.yaml:3: container.restart.policy", "'no'"),
        ("image:\n  digest: cu130\n", "my.yaml:3: image.digest = 'cu130'", "sha256:[0-9a-f]{64}$'"),
        ("image:\n  ref: --privileged\n", "my.yaml:3: image.ref = '--privileged'", "match pattern"),
        ("name: My Box\n", "my.yaml:2: name = 'My Box'", "match pattern '^[a-z0-9][a-z0-9.-]*$'"),
        ("evidence:\n  basis: hearsay\n", "my.yaml:3: evidence.basis = 'hearsay'", "'measured'"),
        ("server:\n  host:\n", "my.yaml:3: server.host = None", "valid string"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line_and_what_it_must_be(refused, text, start, end):
    lines = refused(text)
    assert any(line.startswith(start) and end in line for line in lines), lines


def test_no_message_speaks_of_python(refused):
    lines = refused(
        "server: 3\nengine: 4\nenv: 5\nparallelism: []\n"
        "container:\n  ulimits: {memlock: {soft: 1}, nofile: x}\n  restart: often\n"
    )
    words = ("dict", "instance", "UlimitRange", "RestartPolicy", "EngineArguments", "pydantic")
    assert [line for line in lines if any(word in line for word in words)] == []


def test_a_wrong_override_is_refused_by_the_word_that_gave_it(refused):
    assert refused("", "server.prt=6") == [
        "--set server.prt: server.prt is not a key of a profile; did you mean server.port?"
    ]


def test_a_wrong_variable_is_refused_by_its_name(tmp_path):
    lines = refusal("sm120-tp8", environ={"GLM_DEPLOY__SERVER__PROT": "1"})
    assert lines == [
        "GLM_DEPLOY__SERVER__PROT: server.prot is not a key of a profile; did you mean server.port?"
    ]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n- b\n", "just words\n", "3\n"])
def test_a_file_without_sections_is_no_profile(tmp_path, text):
    path = write(tmp_path, text)
    assert refusal(path) == [f"{path} is not a profile: it holds no map of sections"]


def test_a_profile_that_extends_nothing_must_have_every_section(tmp_path):
    lines = refusal(write(tmp_path, "name: mine\nserver: {port: 1}\n"))
    assert "the profile has no model" in lines
    assert any(line.endswith("my.yaml:2: server has no host") for line in lines)


def test_broken_yaml_is_refused_with_its_place(tmp_path):
    path = write(tmp_path, "server:\n  port: [1\n")
    (line,) = refusal(path)
    assert line.startswith(f"{path}:3:1: not valid YAML: ")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    from profile_files import load

    path = write(tmp_path, "\ufeff" + EXTENDS)
    assert load(path).profile.model.id == "0xSero/GLM-5.1-555B-NVFP4"
