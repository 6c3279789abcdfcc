"""A foreign launch becomes a profile that plans to the same command and variables."""

from __future__ import annotations

import json
import shlex

import pytest
from corpus import BROKEN, CLEAN
from hypothesis import given, settings
from hypothesis import strategies as st
from lints import GLM, namespace, planned, reading

# Of these a profile always writes one; without it the engine has the same value.
DEFAULTS = {
    "--tensor-parallel-size": ("1",),
    "--host": ("127.0.0.1",),
    "--port": ("30000",),
}
LAUNCHES = {**CLEAN, **{name: text for name, (text, _) in BROKEN.items()}}
# What no profile can hold: words that are no flag, or a value that only the shell knows.
NOT_WHOLE = {
    "the card's six-card line",
    "JSON without quotes",
    "JSON in nested double quotes",
    "JSON through an unquoted variable",
    "a flag and its value as one list item",
    "values that come from outside",
    "a script with exports and an array",
    "an underscore",
}


def expected(text):
    spec = reading(text).spec
    flags = DEFAULTS | namespace(spec)
    flags.setdefault("--served-model-name", (spec.served_name,))
    if flags.get("--pipeline-parallel-size") == ("1",):
        del flags["--pipeline-parallel-size"]
    return flags, dict(spec.env)


@pytest.mark.parametrize("name", sorted(set(LAUNCHES) - NOT_WHOLE))
def test_the_profile_plans_to_the_same_flags_and_variables(name):
    plan, _ = planned(LAUNCHES[name])
    flags, env = expected(LAUNCHES[name])
    assert namespace(plan.spec) == flags
    assert dict(plan.spec.env) == env


@pytest.mark.parametrize("name", sorted(NOT_WHOLE))
def test_what_cannot_be_taken_over_is_listed_and_the_rest_plans(name):
    plan, left = planned(LAUNCHES[name])
    assert plan.spec.argv
    assert left


def test_the_nearest_shipped_profile_is_extended():
    from lints import BASES

    from glm_deploy.lint.to_profile import to_profile

    upstream = reading(
        "docker run --gpus all lmsysorg/sglang:v0.5.10.post1-cu130 python3 -m sglang.launch_server "
        "--model-path 0xSero/GLM-5.1-555B-NVFP4 --tensor-parallel-size 8 "
        "--fp4-gemm-backend flashinfer_cutlass --moe-runner-backend cutlass"
    )
    assert to_profile(upstream, BASES, "text").base == "sm120-tp8-upstream"
    pipeline = reading(CLEAN["six cards as two by three"])
    assert to_profile(pipeline, BASES, "text").base == "sm120-tp2-pp3"


def test_what_runs_in_the_container_comes_over_too():
    text = CLEAN["the card's recipe with long names"]
    plan, _ = planned(text)
    spec = reading(text).spec
    for part in ("image", "gpus", "ipc", "shm_size_bytes", "network", "restart"):
        assert getattr(plan.spec, part) == getattr(spec, part), part
    assert {(m.source, m.target) for m in plan.spec.mounts} == {
        (m.source, m.target) for m in spec.mounts
    }
    assert set(plan.spec.ulimits) == set(spec.ulimits)


def test_options_that_a_profile_does_not_have_are_listed():
    _, left = planned(
        f"docker run --privileged -p 80:80 --entrypoint python3 -v ./x:/x {'img/sglang'} "
        f"-m sglang.launch_server --model-path {GLM}"
    )
    for word in ("privileged", "published port 80:80", "entrypoint python3", "mount ./x:/x"):
        assert word in left


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=20)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "--served-model-name": TEXT.filter(lambda text: not text.startswith("-")),
        "--mem-fraction-static": st.floats(0.1, 0.99).map(str),
        "--context-length": st.integers(1, 10**6).map(str),
        "--chunked-prefill-size": st.integers(1, 10**6).map(str),
        "--kv-cache-dtype": st.sampled_from(["auto", "bf16", "fp8_e4m3"]),
        "--attention-backend": st.sampled_from(["flashinfer", "triton"]),
        "--model-loader-extra-config": st.dictionaries(TEXT, st.integers(), max_size=3).map(
            json.dumps
        ),
        "--log-level": st.sampled_from(["info", "debug", "no", "on", "1e5"]),
        "--trust-remote-code": st.none(),
        "--enable-metrics": st.none(),
        "--disable-custom-all-reduce": st.none(),
        "--tp-size": st.sampled_from(["1", "2", "8"]),
    },
)
ENV = st.dictionaries(
    st.from_regex(r"[A-Z][A-Z0-9_]{0,10}", fullmatch=True), TEXT | st.just(""), max_size=4
)


@given(OPTIONS, ENV)
@settings(max_examples=150, deadline=None)
def test_any_launch_survives_the_round_trip(options, env):
    flags = [word for flag, value in options.items() for word in (flag, value) if word is not None]
    words = ["docker", "run", *(w for n, v in env.items() for w in ("-e", f"{n}={v}"))]
    words += ["voipmonitor/sglang:cu130", "sglang", "serve", "--model-path", GLM, *flags]
    text = shlex.join(words)
    plan, _ = planned(text)
    wanted, variables = expected(text)
    assert namespace(plan.spec) == wanted
    assert dict(plan.spec.env) == variables
