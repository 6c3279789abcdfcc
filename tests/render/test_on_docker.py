"""What a daemon is asked for by each rendered file: the container it then describes is the spec."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hostile import VALUES
from parse_back import ALL_GPUS, Launch, clean, from_spec
from render_plans import plan_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbench.parts import Compose

    from glm_deploy.model import Plan

NANOSECONDS = 1_000_000_000
TARGETS = ("compose", "docker-run", "shell")

# Linux allows one word of argv 128 KiB; of what is left, every value.
SHORT = [value for value in VALUES if len(value) < 1000]


@pytest.fixture
def plan(base_image: str, tmp_path: Path) -> Plan:
    """A plan for an image that is there, with every hostile value in it."""
    name = f"render-{uuid.uuid4().hex[:8]}"
    return plan_of(
        name=name,
        values={
            ("image", "ref"): base_image,
            ("model", "served_name"): "$HOME 'and' \"more\" \\ `x`\n#",
            ("engine", "extra_args", "--list"): SHORT,
            ("engine", "extra_args", "--json"): {"a": "$HOME", "b": ['"', "\\", "'"]},
            ("container", "devices"): ["0", "GPU-5a1b", "0000:41:00.0"],
            ("container", "volumes", "/root/.cache/huggingface"): f"{tmp_path}/a $HOME 'dir' \" #",
            ("container", "volumes", "/cache/jit"): name,
            ("container", "tmpfs", "/mnt/x $HOME"): True,
            ("server", "api_key_file"): f"{tmp_path}/key $HOME.yaml",
            **{("env", f"V{i}"): value for i, value in enumerate(SHORT)},
        },
    )


@pytest.fixture
def engine(docker_host: str, compose: Compose, plan: Plan, tmp_path: Path) -> Iterator[Engine]:
    """The test engine, left without what the test made on it."""
    used = Engine(docker_host, compose, tmp_path)
    (tmp_path / "key $HOME.yaml").write_text("api-key: x\n")
    yield used
    used.docker("rm", "--force", plan.spec.container_name)
    used.docker("volume", "rm", plan.spec.name)


class Engine:
    """Creates containers from rendered files without starting them."""

    def __init__(self, host: str, compose: Compose, folder: Path) -> None:
        self.env = {**compose.env, "DOCKER_HOST": host}
        self.compose = compose.argv
        self.folder = folder
        # `docker create` takes the words of `docker run` but --detach.
        create = f'#!/bin/bash\nshift 2\nexec {shutil.which("docker")} create "$@"\n'
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").write_text(create)
        (folder / "bin" / "docker").chmod(0o755)

    def docker(self, *argv: str) -> str:
        """The output of a docker command."""
        done = subprocess.run(["docker", *argv], env=self.env, capture_output=True, text=True)
        return done.stdout

    def create(self, plan: Plan, target: str) -> dict[str, Any]:
        """What the daemon says about the container that the rendered file makes."""
        file = self.folder / target
        file.write_bytes(text_of(plan, target).encode())
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        argv, env = (
            ([*self.compose, "--file", str(file), "create"], self.env)
            if target == "compose"
            else (["bash", str(file)], {**self.env, "PATH": path})
        )
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        [data] = json.loads(self.docker("inspect", plan.spec.container_name))
        return dict(data)


def from_inspect(data: dict[str, Any], plan: Plan) -> Launch:
    """The daemon's description, less what the image and the daemon add."""
    config, host = data["Config"], data["HostConfig"]
    [device] = host["DeviceRequests"]
    restart, health = host["RestartPolicy"], config["Healthcheck"]
    retries = f":{restart['MaximumRetryCount']}" if restart["MaximumRetryCount"] else ""
    env = dict(entry.split("=", 1) for entry in config["Env"])
    return Launch(
        name=data["Name"].removeprefix("/"),
        image=config["Image"],
        argv=config["Cmd"],
        env={name: value for name, value in env.items() if name in plan.spec.env},
        mounts={
            (
                m["Name"] if m["Type"] == "volume" else m["Source"],
                clean(m["Destination"]),
                not m["RW"],
            )
            for m in data["Mounts"]
        },
        tmpfs=set(host["Tmpfs"]),
        gpus=tuple(device["DeviceIDs"] or ALL_GPUS),
        ipc=host["IpcMode"],
        shm_size_bytes=host["ShmSize"],
        network=host["NetworkMode"],
        ulimits={u["Name"]: (u["Soft"], u["Hard"]) for u in host["Ulimits"]},
        restart=restart["Name"] + retries,
        stop_timeout_s=config["StopTimeout"],
        log={"driver": host["LogConfig"]["Type"], **host["LogConfig"]["Config"]},
        health={
            "command": health["Test"][1],
            "interval_s": health["Interval"] / NANOSECONDS,
            "timeout_s": health["Timeout"] / NANOSECONDS,
            "start_period_s": health["StartPeriod"] / NANOSECONDS,
            "retries": health["Retries"],
        },
        labels={n: v for n, v in config["Labels"].items() if not n.startswith("com.docker.")},
    )


@pytest.mark.parametrize("target", TARGETS)
def test_the_container_that_docker_makes_is_the_one_in_the_spec(
    plan: Plan, target: str, engine: Engine
) -> None:
    assert from_inspect(engine.create(plan, target), plan) == from_spec(plan.spec)
