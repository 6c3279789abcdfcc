"""Every target says the same: read back, each gives the launch spec that it was rendered from."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from parse_back import from_compose, from_json, from_spec
from render_plans import PROFILES, plan_of, text_of
from testbench.parts import requires

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from parse_back import Launch

    from glm_deploy.model import Plan

SCRIPTS = ("docker-run", "shell")

# What no shipped profile uses, but an operator may.
EVERYTHING_ELSE = {
    ("image", "digest"): "sha256:" + "0123456789abcdef" * 4,
    ("model", "revision"): "1e5",
    ("server", "api_key_file"): "~/server.yaml",
    ("server", "host"): "127.0.0.1",
    ("engine", "model_loader_extra_config"): {"enable_multithread_load": True, "num_threads": 16},
    ("engine", "extra_args", "--cuda-graph-bs"): [1, 2, 4],
    ("engine", "extra_args", "--log-requests"): True,
    ("container", "devices"): ["GPU-0f1e", "0000:41:00.0", "7"],
    ("container", "ipc"): "private",
    ("container", "tmpfs", "/usr/local/cuda-13.0/compat"): True,
    ("container", "ulimits", "nofile"): {"soft": 1024, "hard": 65536},
    ("container", "restart", "policy"): "no",
}


def every_plan() -> list[Plan]:
    return [*map(plan_of, PROFILES), plan_of(values=EVERYTHING_ELSE, name="everything-else")]


PLANS = pytest.mark.parametrize("plan", every_plan(), ids=lambda plan: plan.spec.name)


def test_the_spec_read_back_is_not_empty_by_accident() -> None:
    launch = from_spec(plan_of(values=EVERYTHING_ELSE, name="x").spec)
    assert launch.image == "voipmonitor/sglang:cu130@sha256:" + "0123456789abcdef" * 4
    assert launch.gpus == ("GPU-0f1e", "0000:41:00.0", "7")
    assert launch.mounts == {
        ("/home/op/.cache/huggingface", "/root/.cache/huggingface", False),
        ("jit-cache", "/cache/jit", False),
        ("/home/op/server.yaml", "/run/glm-deploy/server.yaml", True),
    }
    assert launch.tmpfs == {"/usr/local/cuda-13.0/compat"}
    assert launch.ulimits["nofile"] == (1024, 65536)
    assert launch.argv[:3] == ["python3", "-m", "sglang.launch_server"]


@PLANS
def test_json_says_what_the_spec_says(plan: Plan) -> None:
    data = json.loads(text_of(plan, "json"))
    assert data["spec"] == json.loads(json.dumps(plan.spec.to_json()))
    assert from_json(text_of(plan, "json"), plan.spec.container_name) == from_spec(plan.spec)


@PLANS
def test_compose_as_plain_yaml_says_what_the_spec_says(plan: Plan) -> None:
    assert from_compose(text_of(plan, "compose")) == from_spec(plan.spec)


def test_the_real_compose_reads_what_the_specs_say(
    through_compose: Callable[[Sequence[Plan]], dict[str, Launch]],
) -> None:
    plans = every_plan()
    assert through_compose(plans) == {plan.spec.name: from_spec(plan.spec) for plan in plans}


@pytest.mark.parametrize("target", SCRIPTS)
@PLANS
def test_bash_gives_docker_what_the_spec_says(
    plan: Plan, target: str, under_bash: Callable[[Plan, str], Launch]
) -> None:
    assert under_bash(plan, target) == from_spec(plan.spec)


@pytest.mark.parametrize("target", SCRIPTS)
@PLANS
def test_the_scripts_pass_shellcheck(plan: Plan, target: str, tmp_path: Path) -> None:
    requires(
        "shellcheck",
        "tests/testbench/system-packages.sh",
        present=shutil.which("shellcheck") is not None,
    )
    script = tmp_path / "script"
    script.write_text(text_of(plan, target))
    for checker in (["bash", "-n"], ["shellcheck", "--shell=bash"]):
        done = subprocess.run([*checker, str(script)], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("target", ["docker-run", "shell"])
@PLANS
def test_option_names_are_long(
    plan: Plan, target: str, argv_of_docker: Callable[..., list[str]]
) -> None:
    argv = argv_of_docker(text_of(plan, target))
    assert [word for word in argv if word.startswith("-") and not word.startswith("--")] == ["-m"]
    assert {"--tp", "--pp", "--tp-size", "--pp-size"}.isdisjoint(argv)


JSON = '{"enable_multithread_load": true, "num_threads": 16}'


def with_json_flag() -> Plan:
    return plan_of(
        values={
            ("engine", "model_loader_extra_config"): {
                "enable_multithread_load": True,
                "num_threads": 16,
            }
        }
    )


def value_after(flag: str, argv: list[str]) -> str:
    assert argv.count(flag) == 1
    return argv[argv.index(flag) + 1]


def test_a_json_flag_survives_json() -> None:
    argv = json.loads(text_of(with_json_flag(), "json"))["spec"]["argv"]
    assert value_after("--model-loader-extra-config", argv) == JSON


@pytest.mark.parametrize("target", SCRIPTS)
def test_a_json_flag_survives_bash(target: str, argv_of_docker: Callable[..., list[str]]) -> None:
    argv = argv_of_docker(text_of(with_json_flag(), target))
    assert value_after("--model-loader-extra-config", argv) == JSON


def test_a_json_flag_survives_compose(
    compose_config: Callable[[Sequence[Plan]], dict[str, Any]],
) -> None:
    services = compose_config([with_json_flag()])["services"]
    assert value_after("--model-loader-extra-config", services["sm120-tp8"]["command"]) == JSON


@pytest.mark.parametrize("policy", ["no", "always", "unless-stopped"])
def test_only_on_failure_carries_a_number_of_retries(policy: str) -> None:
    plan = plan_of(values={("container", "restart", "policy"): policy})
    assert from_compose(text_of(plan, "compose")).restart == policy


def test_compose_makes_a_missing_folder_as_docker_run_does_but_never_a_missing_key_file(
    compose_config: Callable[[Sequence[Plan]], dict[str, Any]],
) -> None:
    plan = plan_of(values=EVERYTHING_ELSE, name="d")
    volumes = compose_config([plan])["services"]["d"]["volumes"]
    made = {v["target"]: v.get("bind", {}).get("create_host_path", False) for v in volumes}
    assert made["/root/.cache/huggingface"] is True
    assert made["/run/glm-deploy/server.yaml"] is False


@pytest.mark.parametrize("name", ["123", "1.5", "1e3", "null", "true", "no", "y", "a.b-c_d"])
def test_any_name_of_a_deployment_names_a_compose_service(
    name: str, compose_config: Callable[[Sequence[Plan]], dict[str, Any]]
) -> None:
    project = compose_config([plan_of(name=name)])
    assert list(project["services"]) == [name]
    assert project["services"][name]["container_name"] == f"glm-{name}"
    assert project["name"] == f"glm-{name.replace('.', '_')}"


def test_a_named_volume_keeps_its_name_in_compose(
    compose_config: Callable[[Sequence[Plan]], dict[str, Any]],
) -> None:
    assert compose_config([plan_of()])["volumes"] == {"jit-cache": {"name": "jit-cache"}}
