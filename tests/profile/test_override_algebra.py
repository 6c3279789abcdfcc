"""Whatever is laid over a profile arrives as it was given, and changes nothing else."""

from __future__ import annotations

import json

import yaml
from hypothesis import given
from hypothesis import strategies as st
from profile_files import load

from glm_deploy.model import Origin
from glm_deploy.profile.load import Document, resolve
from glm_deploy.profile.overrides import Override, parse_environment, parse_set

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
# `null` alone unsets; a container's variables hold no NUL.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).filter(
    lambda text: text != "null"
)
PASSABLE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
PATHS = st.from_regex(r"/[A-Za-z0-9._/-]{1,30}", fullmatch=True)
FLAGS = st.from_regex(r"--x-[a-z0-9-]{1,20}", fullmatch=True)
SCALARS = (
    st.booleans() | st.integers() | PASSABLE | st.floats(allow_nan=False, allow_infinity=False)
)
SHIPPED = load("sm120-tp8")


def from_text(text, *overrides):
    document = Document("mine", "mine.yaml", text)
    shipped = Document("base", "base.yaml", "x: 1")

    def fetch(ref, _):
        from glm_deploy.cli.inputs import fetch as shipped_fetch

        return document if ref == "mine" else shipped_fetch(ref, shipped)

    return resolve("mine", fetch, overrides)


def on_one_line(value):
    """The value in YAML, as `--set` takes it."""
    return yaml.safe_dump(value, default_flow_style=True, default_style='"', width=2**31 - 1)


def leaves(value, path=()):
    """Every value of a profile by its path."""
    if hasattr(value, "__dict__"):
        value = vars(value)
    if isinstance(value, dict) and value:
        return {p: v for key, item in value.items() for p, v in leaves(item, (*path, key)).items()}
    return {path: value}


@given(st.dictionaries(NAMES, TEXTS, max_size=5))
def test_variables_round_trip_through_yaml(env):
    text = yaml.safe_dump({"extends": "sm120-tp8", "env": env})
    assert from_text(text).profile.env == {**SHIPPED.profile.env, **env}


@given(NAMES, TEXTS)
def test_a_variable_round_trips_through_set(name, value):
    assert load("sm120-tp8", f"env.{name}={value}").profile.env[name] == value


@given(NAMES, TEXTS)
def test_a_variable_round_trips_through_the_environment(name, value):
    environ = {f"GLM_DEPLOY__ENV__{name}": value}
    assert load("sm120-tp8", environ=environ).profile.env[name] == value


@given(PATHS, PATHS)
def test_volumes_round_trip_through_yaml_and_set(target, source):
    text = yaml.safe_dump({"extends": "sm120-tp8", "container": {"volumes": {target: source}}})
    assert from_text(text).profile.container.volumes[target] == source
    setting = f"container.volumes.{target}={source}"
    assert load("sm120-tp8", setting).profile.container.volumes[target] == source


@given(FLAGS, SCALARS)
def test_extra_arguments_round_trip_through_yaml_and_set(flag, value):
    tree = {"extends": "sm120-tp8", "engine": {"extra_args": {flag: value}}}
    assert from_text(yaml.safe_dump(tree)).profile.engine.extra_args == {flag: value}
    setting = f"engine.extra_args.{flag}={on_one_line(value)}"
    assert load("sm120-tp8", setting).profile.engine.extra_args == {flag: value}


@given(st.dictionaries(PASSABLE.filter(bool), SCALARS | st.lists(SCALARS), max_size=4))
def test_a_json_value_round_trips_through_set(config):
    setting = f"engine.model_loader_extra_config={on_one_line(config)}"
    assert load("sm120-tp8", setting).profile.engine.model_loader_extra_config == config


OVERRIDES = {
    ("server", "port"): st.integers(1, 65535),
    ("server", "host"): st.sampled_from(["127.0.0.1", "::1", "0.0.0.0"]),
    ("parallelism", "tensor"): st.integers(1, 64),
    ("engine", "mem_fraction_static"): st.floats(0.01, 0.99),
    ("engine", "attention_backend"): st.sampled_from(["triton", "fa3"]),
    ("engine", "trust_remote_code"): st.booleans(),
    ("container", "ipc"): st.sampled_from(["host", "private"]),
    ("container", "stop_timeout_s"): st.integers(1, 9999),
    ("readiness", "boot_timeout_s"): st.integers(1, 9999),
    ("model", "served_name"): st.sampled_from(["a", "glm"]),
}
SOME = st.fixed_dictionaries({}, optional=OVERRIDES)


@given(SOME)
def test_an_override_changes_what_it_names_and_nothing_else(chosen):
    settings = [f"{'.'.join(path)}={json.dumps(value)}" for path, value in chosen.items()]
    resolved = load("sm120-tp8", *settings)
    assert leaves(resolved.profile) == {**leaves(SHIPPED.profile), **chosen}
    for path, origin in SHIPPED.origins.items():
        inside = any(path == given[: len(path)] for given in chosen)
        assert inside or resolved.origins[path] == origin
    for path in chosen:
        assert resolved.origin(*path).kind == "override"


@given(SOME, SOME)
def test_the_last_override_of_a_value_wins(first, second):
    settings = [
        f"{'.'.join(path)}={json.dumps(value)}"
        for chosen in (first, second)
        for path, value in chosen.items()
    ]
    assert leaves(load("sm120-tp8", *settings).profile) == {
        **leaves(SHIPPED.profile),
        **first,
        **second,
    }


@given(SOME)
def test_set_outweighs_the_environment_whatever_is_in_it(chosen):
    environ = {
        "GLM_DEPLOY__" + "__".join(part.upper() for part in path): json.dumps(value)
        for path, value in chosen.items()
    }
    resolved = load("sm120-tp8", "server.port=4711", environ=environ)
    assert resolved.profile.server.port == 4711
    for path in chosen:
        expected = "override" if path == ("server", "port") else "environment"
        assert resolved.origin(*path).kind == expected


@given(SOME)
def test_loading_leaves_no_trace_in_the_next_load(chosen):
    load("sm120-tp8", *(f"{'.'.join(p)}={json.dumps(v)}" for p, v in chosen.items()))
    again = load("sm120-tp8")
    assert leaves(again.profile) == leaves(SHIPPED.profile)
    assert again.origins == SHIPPED.origins


@given(st.text())
def test_any_text_as_a_set_is_read_or_refused(text):
    from glm_deploy.errors import UsageError

    try:
        override = parse_set(text)
    except UsageError as refused:
        assert refused.remedy
    else:
        assert override.origin.name.startswith("--set ")


def test_variables_are_read_in_the_order_of_their_names():
    overrides = parse_environment({"GLM_DEPLOY__B": "2", "GLM_DEPLOY__A": "1", "A": "0"})
    assert overrides == (
        Override(("a",), 1, Origin("environment", "GLM_DEPLOY__A")),
        Override(("b",), 2, Origin("environment", "GLM_DEPLOY__B")),
    )
