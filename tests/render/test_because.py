"""No unexplained flag: every rendered value carries its reason where a reader looks for it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from render_plans import PROFILES, plan_of, text_of

if TYPE_CHECKING:
    from glm_deploy.model import Plan

EVERY = [plan_of(profile) for profile in PROFILES]
PLANS = pytest.mark.parametrize("plan", EVERY, ids=lambda plan: plan.spec.name)


def lines(plan: Plan, target: str) -> list[str]:
    return text_of(plan, target).splitlines()


@PLANS
def test_every_word_of_argv_and_every_variable_was_decided_by_somebody(plan: Plan) -> None:
    flags = [word for decision in plan.flags for word in decision.words]
    assert plan.launcher == ("python3", "-m", "sglang.launch_server")
    assert [*plan.launcher, *flags] == list(plan.spec.argv)
    assert {d.subject for d in plan.flags} == {w for w in plan.spec.argv if w.startswith("--")}
    assert all(plan.because(name) for name in plan.spec.env)


@PLANS
def test_every_flag_carries_its_because_in_compose(plan: Plan) -> None:
    for flag in plan.flags:
        assert f'      - "{flag.subject}"  # {flag.because}' in lines(plan, "compose")


@PLANS
def test_every_variable_carries_its_because_in_compose(plan: Plan) -> None:
    for name, value in plan.spec.env.items():
        assert f'      {name}: "{value}"  # {plan.because(name)}' in lines(plan, "compose")


@PLANS
def test_every_flag_carries_its_because_in_the_script(plan: Plan) -> None:
    for flag in plan.flags:
        assert f"  {' '.join(flag.words)}  # {flag.because}" in lines(plan, "shell")


@PLANS
def test_every_variable_carries_its_because_in_the_script(plan: Plan) -> None:
    for name, value in plan.spec.env.items():
        assert f"  --env {name}={value}  # {plan.because(name)}" in lines(plan, "shell")


@PLANS
def test_the_header_of_docker_run_lists_every_flag_and_variable_with_its_because(
    plan: Plan,
) -> None:
    header = lines(plan, "docker-run")
    for flag in plan.flags:
        assert f"#   {' '.join(flag.words)}  <- {flag.because}" in header
    for name, value in plan.spec.env.items():
        assert f"#   --env {name}={value}  <- {plan.because(name)}" in header


@PLANS
def test_json_lists_every_decision_with_its_because(plan: Plan) -> None:
    decisions = json.loads(text_of(plan, "json"))["decisions"]
    assert decisions == [
        {"subject": d.subject, "value": d.value, "because": str(d.because)} for d in plan.decisions
    ]
    assert all(decision["because"] for decision in decisions)


# What follows from the deployment's name alone, and stands in no profile.
NAMED = {"--detach", "--name", "--label"}


@PLANS
def test_every_other_option_of_docker_carries_its_because(plan: Plan) -> None:
    options, _, _ = text_of(plan, "shell").partition("engine_argv")
    bare = {line.split()[0] for line in options.splitlines() if re.match(r"  --[^#]*$", line)}
    assert bare == NAMED


@PLANS
def test_what_else_compose_says_of_the_container_carries_its_because(plan: Plan) -> None:
    text = text_of(plan, "compose")
    for key in ("image", "ipc", "shm_size", "network_mode", "restart", "stop_grace_period"):
        assert re.search(rf"^    {key}: .*  # profile ", text, re.MULTILINE), key
    for part in ("soft", "source", "driver", "count", "device_ids"):
        for line in re.findall(rf"^ *(?:- )?{part}: .*$", text, re.MULTILINE):
            assert "  # profile " in line


def test_an_api_key_file_is_explained_where_it_is_mounted() -> None:
    plan = plan_of(values={("server", "api_key_file"): "/etc/key.yaml"})
    said = 'source: "/etc/key.yaml"  # override --set server.api_key_file'
    assert any(line.strip().removeprefix("- ") == said for line in lines(plan, "compose"))
    mounted = "--volume /etc/key.yaml:/run/glm-deploy/server.yaml:ro"
    assert f"  {mounted}  # override --set server.api_key_file" in lines(plan, "shell")


def test_a_value_says_which_profile_override_or_rule_decided_it() -> None:
    plan = plan_of("sm120-tp8-throughput", {("engine", "kv_cache_dtype"): "bf16"})
    assert re.fullmatch(
        r"profile sm120-tp8-throughput \(profiles/sm120-tp8-throughput\.yaml:\d+\)",
        plan.because("--moe-runner-backend"),
    )
    assert re.fullmatch(
        r"profile sm120-tp8 \(profiles/sm120-tp8\.yaml:\d+\)", plan.because("--model-path")
    )
    assert plan.because("--kv-cache-dtype") == "override --set engine.kv_cache_dtype"
    assert plan.because("--attention-backend").startswith("rule ATT-001, against: ")


def test_a_variable_is_not_mistaken_for_a_part_of_the_container() -> None:
    plan = plan_of(values={("env", "readiness"): "1"})
    [health] = [line for line in lines(plan, "shell") if "--health-retries" in line]
    assert "# profile sm120-tp8" in health


@pytest.mark.parametrize("target", ["compose", "docker-run", "shell"])
def test_overruled_rules_are_shown_on_top(target: str) -> None:
    header = lines(plan_of(allow=("KV-001", "IMG-001")), target)[:5]
    assert "# Overruled by the operator (--allow): KV-001, IMG-001" in header
    assert "--allow" not in text_of(plan_of(), target)


def test_overruled_rules_are_in_the_json() -> None:
    assert json.loads(text_of(plan_of(allow=("KV-001",)), "json"))["allow"] == ["KV-001"]


@pytest.mark.parametrize("target", ["compose", "docker-run", "shell"])
def test_the_header_names_profile_and_plan(target: str) -> None:
    plan = plan_of()
    first = next(line for line in lines(plan, target) if line.startswith("# "))
    assert first.endswith(f"from profile sm120-tp8; plan {plan.spec.digest()[:12]}.")
