"""Precedence: shipped < extends < file < environment < `--set`; every value keeps its origin."""

from __future__ import annotations

import pytest
from profile_files import EXTENDS, load, refusal, write

from glm_deploy.model import Origin

PORT = ("server", "port")


def test_each_layer_outweighs_the_one_before_it(tmp_path):
    base = write(tmp_path, EXTENDS + "server: {port: 5001}\n", "base.yaml")
    mine = write(tmp_path, "extends: ./base.yaml\nserver: {port: 5002}\n")
    environ = {"GLM_DEPLOY__SERVER__PORT": "5003"}
    seen = [
        load("sm120-tp8"),
        load(base),
        load(mine),
        load(mine, environ=environ),
        load(mine, "server.port=5004", environ=environ),
        load(mine, "server.port=5004", "server.port=5005", environ=environ),
    ]
    assert [resolved.profile.server.port for resolved in seen] == [
        5000,
        5001,
        5002,
        5003,
        5004,
        5005,
    ]
    assert [str(resolved.origin(*PORT)) for resolved in seen] == [
        "profile sm120-tp8 (profiles/sm120-tp8.yaml:72)",
        f"profile base ({base}:2)",
        f"profile my ({mine}:2)",
        "environment GLM_DEPLOY__SERVER__PORT",
        "override --set server.port",
        "override --set server.port",
    ]


def test_an_override_of_a_section_keeps_its_other_keys_and_their_origins():
    resolved = load("sm120-tp8", "server={port: 5001}")
    assert resolved.profile.server.host == "0.0.0.0"
    assert resolved.origin("server", "host").kind == "profile"
    assert resolved.origin(*PORT) == Origin("override", "--set server")


def test_an_override_of_a_list_replaces_it():
    assert load("sm120-tp2-pp3", "container.devices=[3]").profile.container.devices == ["3"]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("engine.mem_fraction_static", ("engine", "mem_fraction_static")),
        ("model.quantization", ("model", "quantization")),
        ("env.NCCL_P2P_LEVEL", ("env", "NCCL_P2P_LEVEL")),
        ("container.volumes./cache/jit", ("container", "volumes", "/cache/jit")),
        ("container.ulimits.memlock", ("container", "ulimits", "memlock")),
    ],
)
def test_null_unsets(key, path):
    value = load("sm120-tp8", f"{key}=null").profile
    for part in path:
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    assert value is None


def test_null_in_a_file_unsets_what_it_extends(tmp_path):
    profile = load(write(tmp_path, EXTENDS + "env: {NCCL_P2P_LEVEL: null}\n")).profile
    assert profile.env["NCCL_P2P_LEVEL"] is None


def test_what_was_unset_can_be_set_again(tmp_path):
    path = write(tmp_path, EXTENDS + "engine: {model_loader_extra_config: null}\n")
    profile = load(path, "engine.model_loader_extra_config.num_threads=16").profile
    assert profile.engine.model_loader_extra_config == {"num_threads": 16}


def test_what_was_unset_leaves_no_origins_behind():
    key = "engine.model_loader_extra_config"
    path = tuple(key.split("."))
    resolved = load("sm120-tp8", f"{key}={{a: 1}}", f"{key}=null")
    assert [known for known in resolved.origins if known[: len(path)] == path] == [path]


def test_null_of_a_key_that_must_be_there_is_refused():
    (line,) = refusal("sm120-tp8", "server.port=null")
    assert line.startswith("--set server.port: server.port = None: ")


@pytest.mark.parametrize("value", ["1e5", "true", "010", "no", "1_000", "", " ", "a=b", "{a: 1}"])
def test_a_variable_of_the_container_is_text_as_written(value):
    assert load("sm120-tp8", f"env.X={value}").profile.env["X"] == value
    environ = {"GLM_DEPLOY__ENV__X": value}
    assert load("sm120-tp8", environ=environ).profile.env["X"] == value


@pytest.mark.parametrize("value", ["1e5", "true", "010", "0.50", "no"])
def test_a_variable_in_a_file_is_text_as_written(tmp_path, value):
    assert load(write(tmp_path, f"{EXTENDS}env:\n  X: {value}\n")).profile.env["X"] == value


def test_versions_revisions_and_capabilities_are_text_as_written(tmp_path):
    path = write(
        tmp_path,
        EXTENDS + "model: {revision: 1e5}\nhardware: {compute_capability: 12.0}\n"
        "image: {engine: {version: 0.10}}\n",
    )
    profile = load(path).profile
    assert profile.model.revision == "1e5"
    assert profile.hardware.compute_capability == "12.0"
    assert profile.image.engine.version == "0.10"
    assert load("sm120-tp8", "model.revision=0010").profile.model.revision == "0010"


def test_devices_are_text_and_may_be_a_list_on_the_command_line():
    assert load("sm120-tp8", "container.devices=[0, 01]").profile.container.devices == ["0", "01"]
    assert load("sm120-tp8", "container.devices=all").profile.container.devices == "all"


def test_a_flag_or_a_path_below_an_open_map_is_one_key():
    resolved = load(
        "sm120-tp8",
        "engine.extra_args.--max-queued-requests=7",
        "container.tmpfs./usr/local/cuda-13.0/compat=true",
    )
    assert resolved.profile.engine.extra_args == {"--max-queued-requests": 7}
    assert resolved.profile.container.tmpfs == {"/usr/local/cuda-13.0/compat": True}
    path = ("engine", "extra_args", "--max-queued-requests")
    assert resolved.origin(*path).name == "--set engine.extra_args.--max-queued-requests"


def test_variables_name_sections_flags_and_the_containers_variables():
    environ = {
        "GLM_DEPLOY__ENGINE__KV_CACHE_DTYPE": "bfloat16",
        "GLM_DEPLOY__ENGINE__EXTRA_ARGS__MAX_QUEUED_REQUESTS": "7",
        "GLM_DEPLOY__ENV__NCCL_DEBUG": "INFO",
        "GLM_DEPLOY__env__lower": "kept",
        "GLM_DEPLOY_PROFILE": "no override",
        "OTHER": "x",
    }
    profile = load("sm120-tp8", environ=environ).profile
    assert profile.engine.kv_cache_dtype == "bfloat16"
    assert profile.engine.extra_args == {"--max-queued-requests": 7}
    assert profile.env["NCCL_DEBUG"] == "INFO"
    assert profile.env["lower"] == "kept"
    assert "OTHER" not in profile.env


@pytest.mark.parametrize("setting", ["", "=3", "server.port", ".=3", "server.=3", "server..port=3"])
def test_a_set_that_is_no_key_and_value_is_refused(setting):
    (line,) = refusal("sm120-tp8", setting)
    assert line == f"--set {setting!r} is not of the form key.path=value"


def test_a_set_whose_value_is_no_yaml_is_refused_by_its_key():
    (line,) = refusal("sm120-tp8", "server.port=[1")
    assert line.startswith("--set server.port:")
    assert "not valid YAML" in line


@pytest.mark.parametrize("name", ["GLM_DEPLOY__", "GLM_DEPLOY____", "GLM_DEPLOY__A____B"])
def test_a_variable_that_names_no_key_is_refused_by_its_name(name):
    (line,) = refusal("sm120-tp8", environ={name: "3"})
    assert line.startswith(f"{name}: ")


def test_a_value_may_hold_equals_signs():
    setting = 'engine.extra_args.--json-model-override-args={"a": "b=c"}'
    profile = load("sm120-tp8", setting).profile
    assert profile.engine.extra_args == {"--json-model-override-args": '{"a": "b=c"}'}
