"""No unexplained flag: every value of a plan has its because."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import SHIPPED, flags, plan_of

from glm_deploy.rules import CATALOGUE
from glm_deploy.rules.case import LAUNCHER

EVERYTHING = (
    "model.revision=abc",
    "server.api_key_file=~/server.yaml",
    "image.digest=sha256:" + "0" * 64,
    "engine.extra_args.--max-queued-requests=7",
    'engine.extra_args.--lora-paths=["a=/x y", "b=/z"]',
    'engine.model_loader_extra_config={"enable_multithread_load": true, "num_threads": 16}',
    "engine.enable_metrics=true",
    "env.NCCL_DEBUG=INFO",
    "container.tmpfs./usr/local/cuda-13.0/compat=true",
    "container.ulimits.nofile={soft: 1024, hard: 2048}",
    "container.volumes./models=/srv/models",
)
SETS = [pytest.param((), id="as shipped"), pytest.param(EVERYTHING, id="with everything")]


@pytest.mark.parametrize("settings", SETS)
@pytest.mark.parametrize("profile", SHIPPED)
def test_argv_is_the_launcher_and_the_words_of_the_decisions(profile, settings):
    plan = plan_of(profile, *settings)
    words = [word for decision in plan.flags for word in decision.words]
    assert plan.launcher == LAUNCHER
    assert plan.spec.argv == (*LAUNCHER, *words)


@pytest.mark.parametrize("settings", SETS)
@pytest.mark.parametrize("profile", SHIPPED)
def test_every_flag_and_every_variable_has_one_because(profile, settings):
    plan = plan_of(profile, *settings)
    flags_given = [word for word in plan.spec.argv[len(LAUNCHER) :] if word.startswith("--")]
    subjects = [decision.subject for decision in plan.decisions]
    for subject in (*flags_given, *plan.spec.env):
        assert subjects.count(subject) == 1
        assert plan.because(subject)


@pytest.mark.parametrize("settings", SETS)
@pytest.mark.parametrize("profile", SHIPPED)
def test_every_origin_has_a_name_and_a_profiles_value_its_file(profile, settings):
    for decision in plan_of(profile, *settings).decisions:
        origin = decision.because
        assert origin.name
        assert str(origin)
        if origin.kind == "profile":
            assert origin.where.startswith(f"profiles/{origin.name}.yaml:")
        if origin.kind == "rule":
            assert origin.where == CATALOGUE[origin.name].title


@pytest.mark.parametrize("settings", SETS)
@pytest.mark.parametrize("profile", SHIPPED)
def test_everything_else_about_the_container_has_a_because(profile, settings):
    plan = plan_of(profile, *settings)
    spec = plan.spec
    subjects = [
        "image.digest" if "@" in spec.image else "image.ref",
        *("container.devices", "container.ipc", "container.shm_size", "container.network"),
        *("container.restart", "container.stop_timeout_s", "container.log"),
        *(f"container.ulimits.{limit.name}" for limit in spec.ulimits),
        *(f"container.volumes.{mount.target}" for mount in spec.mounts),
        *(f"container.tmpfs.{target}" for target in spec.tmpfs),
    ]
    assert [subject for subject in subjects if not plan.because(subject)] == []


def test_what_nobody_decided_has_no_because():
    assert plan_of().because("--context-length") == ""


def test_a_value_says_whether_profile_override_or_rule_set_it():
    plan = plan_of("sm120-tp2-pp3", "server.port=5001")
    assert plan.because("--port") == "override --set server.port"
    assert plan.because("--kv-cache-dtype") == "rule KV-001, against: KV cache is not bf16 on sm120"
    assert plan.because("--model-path") == "profile sm120-tp8 (profiles/sm120-tp8.yaml:22)"
    assert plan.because("--pipeline-parallel-size").startswith("profile sm120-tp2-pp3 (")


def test_the_mount_of_the_key_file_is_explained_by_the_key_that_asked_for_it():
    plan = plan_of("sm120-tp8", "server.api_key_file=/etc/k.yaml")
    subject = "container.volumes./run/glm-deploy/server.yaml"
    assert plan.because(subject) == "override --set server.api_key_file"


FLAG = st.from_regex(r"--x-[a-z]{1,12}", fullmatch=True)
NAME = st.from_regex(r"X_[A-Z]{1,12}", fullmatch=True)
WORD = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


@given(
    st.dictionaries(FLAG, st.booleans() | st.integers() | WORD, max_size=5),
    st.dictionaries(NAME, WORD.filter(lambda word: word != "null"), max_size=5),
)
def test_no_flag_and_no_variable_goes_unexplained_whatever_is_set(extra, env):
    import json

    plan = plan_of(
        "sm120-tp8",
        *(f"engine.extra_args.{flag}={json.dumps(value)}" for flag, value in extra.items()),
        *(f"env.{name}={value}" for name, value in env.items()),
    )
    given_flags = {flag for flag, value in extra.items() if value is not False}
    assert given_flags <= set(flags(plan))
    assert set(flags(plan)) & set(extra) == given_flags
    for subject in (*given_flags, *env):
        assert plan.because(subject).startswith("override --set ")
    words = [word for decision in plan.flags for word in decision.words]
    assert plan.spec.argv == (*LAUNCHER, *words)
    assert {name: plan.spec.env[name] for name in env} == env
