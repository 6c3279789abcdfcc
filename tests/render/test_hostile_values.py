"""Whatever text a profile holds arrives as it is: nothing is expanded, split, joined or dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hostile import VALUES, hostile_plans
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from parse_back import from_compose, from_json, from_spec
from render_plans import plan_of, text_of

from glm_deploy.errors import UsageError
from glm_deploy.model import Origin
from glm_deploy.plan import make_plan
from glm_deploy.profile.load import Document, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parse_back import Launch

    from glm_deploy.model import Plan

GENERATED = settings(deadline=None, suppress_health_check=list(HealthCheck))


def one_of_each() -> list[Plan]:
    """Every hostile value in a variable, a flag and a model path; eight to a plan."""
    return [
        plan_of(
            name=f"p{start}",
            values={
                ("model", "id"): VALUES[start] or "m",
                ("engine", "extra_args", "--list"): [*VALUES[start : start + 8]],
                **{("env", f"V{i}"): v for i, v in enumerate(VALUES[start : start + 8])},
            },
        )
        for start in range(0, len(VALUES), 8)
    ]


def test_the_values_arrive_in_the_spec_itself() -> None:
    plans = one_of_each()
    env = [v for plan in plans for k, v in plan.spec.env.items() if k.startswith("V")]
    assert env == list(VALUES)
    flags = [
        word for plan in plans for d in plan.flags for word in d.words if d.subject == "--list"
    ]
    assert [word for word in flags if word != "--list"] == list(VALUES)


def test_each_known_trap_survives_compose(
    through_compose: Callable[[Sequence[Plan]], dict[str, Launch]],
) -> None:
    plans = one_of_each()
    assert through_compose(plans) == {plan.spec.name: from_spec(plan.spec) for plan in plans}


@pytest.mark.parametrize("target", ["docker-run", "shell"])
@pytest.mark.parametrize("plan", one_of_each(), ids=lambda plan: plan.spec.name)
def test_each_known_trap_survives_bash(
    plan: Plan, target: str, under_bash: Callable[[Plan, str], Launch]
) -> None:
    assert under_bash(plan, target) == from_spec(plan.spec)


@GENERATED
@given(plan=hostile_plans())
def test_any_text_survives_json_and_yaml(plan: Plan) -> None:
    said = from_spec(plan.spec)
    assert from_json(text_of(plan, "json"), plan.spec.container_name) == said
    assert from_compose(text_of(plan, "compose")) == said


@settings(GENERATED, max_examples=50)
@given(plan=hostile_plans(), target=st.sampled_from(["docker-run", "shell"]))
def test_any_text_survives_bash(
    plan: Plan, target: str, under_bash: Callable[[Plan, str], Launch]
) -> None:
    assert under_bash(plan, target) == from_spec(plan.spec)


# Without shrinking: one run of Compose takes a tenth of a second, and shrinking takes thousands.
@settings(GENERATED, max_examples=15, phases=[Phase.generate])
@given(plans=st.tuples(*(hostile_plans(name=f"h{i}") for i in range(6))))
def test_any_text_survives_the_real_compose(
    plans: tuple[Plan, ...], through_compose: Callable[[Sequence[Plan]], dict[str, Launch]]
) -> None:
    assert through_compose(plans) == {plan.spec.name: from_spec(plan.spec) for plan in plans}


def test_a_pasted_command_is_safe_from_the_history_of_an_interactive_bash(
    argv_of_docker: Callable[..., list[str]],
) -> None:
    plan = plan_of(values={("env", "X"): "it's !! and !x\n!y", ("model", "id"): "!!:$"})
    pasted = "set -o histexpand\n" + text_of(plan, "docker-run")
    assert argv_of_docker(pasted, "--norc", "-i") == argv_of_docker(text_of(plan, "docker-run"))


@pytest.mark.parametrize("source", ["/a:b", "/a\nb", "/a\n", "relative/path", "~user/x", "", "$X"])
def test_a_mount_source_that_docker_would_read_otherwise_is_refused(source: str) -> None:
    with pytest.raises(UsageError, match=r"container\.volumes"):
        plan_of(values={("container", "volumes", "/t"): source})


# A file name may hold anything but a slash and a NUL.
HOSTILE_NAME = "evil\n    privileged: true\r#\x85\u2028\x1b[2J $(exit 3) `exit 3` ' \" \\"


def plan_from(where: str) -> Plan:
    """A plan whose origins all name this file."""
    lines = "extends: sm120-tp8\nname: mine\nenv: {X: '1'}\nengine: {tool_call_parser: glm47}\n"

    def fetch(ref: str, _: Document | None) -> Document:
        return {
            "mine": Document("mine", where, lines),
            "sm120-tp8": Document("sm120-tp8", where + "2", SHIPPED),
        }[ref]

    return make_plan(resolve("mine", fetch), name="mine", home="/home/op")


def _shipped_text() -> str:
    from glm_deploy.profile.shipped import shipped_dir

    return (shipped_dir() / "sm120-tp8.yaml").read_text("utf-8")


SHIPPED = _shipped_text()


def test_the_name_of_a_file_cannot_leave_its_comment(
    under_bash: Callable[[Plan, str], Launch],
    through_compose: Callable[[Sequence[Plan]], dict[str, Launch]],
) -> None:
    plan = plan_from(HOSTILE_NAME)
    said = from_spec(plan.spec)
    assert HOSTILE_NAME in plan.because("--tool-call-parser")
    assert from_compose(text_of(plan, "compose")) == said
    assert through_compose([plan]) == {"mine": said}
    assert under_bash(plan, "docker-run") == said
    assert under_bash(plan, "shell") == said


@pytest.mark.parametrize("target", ["compose", "docker-run", "shell"])
def test_a_comment_holds_printable_characters_only(target: str) -> None:
    text = text_of(plan_from(HOSTILE_NAME), target)
    assert "evil privileged: true #" in text
    assert {c for c in text if not c.isprintable()} == {"\n"}


@settings(GENERATED, max_examples=50)
@given(where=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_origin_changes_what_is_said(where: str) -> None:
    plan = plan_from(where)
    plain = plan_from("profiles/mine.yaml")
    assert from_compose(text_of(plan, "compose")) == from_compose(text_of(plain, "compose"))
    for target in ("docker-run", "shell"):
        said, wanted = (_without_comments(text_of(p, target)) for p in (plan, plain))
        assert said == wanted


def _without_comments(text: str) -> list[str]:
    return [line.split("  # ")[0] for line in text.splitlines() if not line.startswith("#")]


def test_the_overriding_variable_is_named_whatever_it_holds() -> None:
    origin = Origin("environment", "GLM_DEPLOY__ENV__X")
    assert str(origin) == "environment GLM_DEPLOY__ENV__X"


def test_json_holds_text_as_text() -> None:
    plan = plan_of(values={("env", "X"): "模型 🚀"})
    assert '"X": "模型 🚀"' in text_of(plan, "json")
    data: dict[str, Any] = json.loads(text_of(plan, "json"))
    assert data["spec"]["env"]["X"] == "模型 🚀"
