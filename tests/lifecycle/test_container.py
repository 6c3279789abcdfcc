"""What the container really got: the launch spec, and what every rendered target gets."""

from __future__ import annotations

import copy
import json
import subprocess
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from testbench.workplace import FACTS, Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbench.parts import Compose

CARDS = {"sm120-tp8": 8, "sm120-tp2-pp3": 6}
SECONDS = 1_000_000_000

# What breaks where somebody joins words, interpolates or forgets a quote.
AWKWARD = (
    *("--set", 'engine.model_loader_extra_config={"enable_multithread_load": true}'),
    *("--set", "container.tmpfs./usr/local/cuda-13.0/compat=true"),
    *("--set", 'env.AWKWARD=it\'s $HOME "quoted"\nand ${A:-b} $$ äöü'),
)


@pytest.fixture(scope="module", params=CARDS)
def launched(
    request: pytest.FixtureRequest,
    docker_host: str,
    simulator_ref: str,
    memlock_allowed: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Launch]:
    """A launch for real, once: a profile on the recorded host that it is made for."""
    words = [
        *("-p", request.param, "--set", f"image.ref={simulator_ref}"),
        *("--set", "env.GLM_DEPLOY_SIMULATOR_SPEED=1000", *AWKWARD),
    ]
    if not memlock_allowed:
        words += ["--set", "container.ulimits.memlock=null"]
    place = Workplace(tmp_path_factory.mktemp("launched"), docker_host)
    facts = str(FACTS / f"rtx-pro-6000-x{CARDS[request.param]}.json")
    try:
        yield Launch(place, words, facts)
    finally:
        place.close()


@pytest.fixture
def launch(launched: Launch) -> Iterator[Launch]:
    """The same launch, with nothing running before and after."""
    yield launched
    launched.place.remove()


class Launch:
    """The words that make one plan, for `up` and for `render`."""

    def __init__(self, place: Workplace, words: list[str], facts: str) -> None:
        self.place = place
        self.words = words
        self.facts = facts

    @cached_property
    def container(self) -> dict[str, Any]:
        """What Docker says about the container that `glm-deploy up` started."""
        code, out, err = self.place.up("--facts", self.facts, *self.words)
        assert code == 0, err
        assert out == f"http://127.0.0.1:{self.place.port}/v1\n"
        found = self.inspect()
        self.down()
        return found

    def render(self, target: str) -> str:
        """The same plan, rendered."""
        where = ("--set", f"server.port={self.place.port}")
        words = ("--name", self.place.name, *where, *self.words)
        code, out, err = self.place.run("render", "--format", target, *words)
        assert code == 0, err
        return out

    def inspect(self) -> dict[str, Any]:
        """The container as the daemon describes it."""
        (container,) = self.place.containers()
        found: dict[str, Any] = json.loads(self.place.docker("inspect", container))[0]
        return found

    def down(self) -> None:
        """Take it down with the tool."""
        assert self.place.run("down", "--name", self.place.name).code == 0

    def shell(self, argv: list[str], **environment: str) -> None:
        """Run a command that an operator would, on the same engine."""
        env = self.place.environment(**environment)
        ran = subprocess.run(
            argv, env=env, cwd=self.place.folder, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr


def test_the_container_is_the_launch_spec(launch: Launch) -> None:
    spec = json.loads(launch.render("json"))["spec"]
    got = launch.container
    image = json.loads(launch.place.docker("image", "inspect", spec["image"]))[0]
    config, host = got["Config"], got["HostConfig"]
    assert got["Name"] == f"/glm-{spec['name']}"
    assert config["Image"] == spec["image"]
    assert config["Cmd"] == spec["argv"]
    assert config["Entrypoint"] == image["Config"]["Entrypoint"]
    assert set(config["Env"]) == {f"{k}={v}" for k, v in spec["env"].items()} | set(
        image["Config"]["Env"]
    )
    assert config["StopTimeout"] == spec["stop_timeout_s"]
    assert config["Labels"] == spec["labels"]
    assert config["Healthcheck"] == {
        "Test": ["CMD-SHELL", spec["health"]["command"]],
        "Interval": spec["health"]["interval_s"] * SECONDS,
        "Timeout": spec["health"]["timeout_s"] * SECONDS,
        "StartPeriod": spec["health"]["start_period_s"] * SECONDS,
        "Retries": spec["health"]["retries"],
    }
    assert host["IpcMode"] == spec["ipc"] == "host"
    assert host["ShmSize"] == spec["shm_size_bytes"] == 8 * 1024**3
    assert host["NetworkMode"] == spec["network"] == "host"
    assert host["Ulimits"] == [
        {"Name": u["name"], "Soft": u["soft"], "Hard": u["hard"]} for u in spec["ulimits"]
    ]
    assert sorted(host["Binds"]) == sorted(
        f"{m['source']}:{m['target']}:{'ro' if m['read_only'] else 'rw'}" for m in spec["mounts"]
    )
    assert host["Tmpfs"] == {"/usr/local/cuda-13.0/compat": ""}
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["LogConfig"] == {"Type": spec["log_driver"], "Config": spec["log_options"]}
    (request,) = host["DeviceRequests"]
    assert request["Capabilities"] == [["gpu"]]
    wanted = spec["gpus"]["device_ids"]
    assert (request["Count"], request["DeviceIDs"]) == ((0, wanted) if wanted else (-1, []))
    assert host["Privileged"] is False
    assert host["AutoRemove"] is False


def test_compose_up_of_the_rendered_file_gets_the_same_container(
    launch: Launch, compose: Compose
) -> None:
    ours = comparable(launch.container)
    file = launch.place.folder / "compose.yaml"
    file.write_text(launch.render("compose"))
    launch.shell(
        [*compose.argv, "--file", str(file), "up", "--detach"],
        DOCKER_CONFIG=compose.env["DOCKER_CONFIG"],
    )
    assert comparable(launch.inspect()) == ours


@pytest.mark.parametrize("target", ["shell", "docker-run"])
def test_the_rendered_script_gets_the_same_container(launch: Launch, target: str) -> None:
    ours = comparable(launch.container)
    script = launch.place.folder / "run.sh"
    script.write_text(launch.render(target))
    launch.shell(["bash", str(script)])
    assert comparable(launch.inspect()) == ours


def test_what_another_tool_started_from_a_rendered_file_is_found_and_taken_down(
    launch: Launch,
) -> None:
    script = launch.place.folder / "run.sh"
    script.write_text(launch.render("shell"))
    launch.shell(["bash", str(script)])
    code, out, _ = launch.place.up("--facts", launch.facts, *launch.words)
    assert (code, out) == (0, f"http://127.0.0.1:{launch.place.port}/v1\n")
    launch.down()
    assert launch.place.containers() == []


def comparable(container: dict[str, Any]) -> dict[str, Any]:
    """Config and HostConfig whole, with one spelling for what has two.

    Left out are the host name, which is the container's ID, and what Compose notes for itself.
    """
    config = copy.deepcopy(container["Config"])
    host = copy.deepcopy(container["HostConfig"])
    config["Env"].sort()
    config["Labels"] = {
        k: v for k, v in config["Labels"].items() if not k.startswith("com.docker.compose.")
    }
    for key in ("Hostname", "AttachStdout", "AttachStderr"):
        config.pop(key)
    host["Ulimits"].sort(key=lambda limit: limit["Name"])
    # Compose asks for a named volume as a mount, the others ask for it as a bind.
    volumes = [
        f"{mount['Source']}:{mount['Target']}{':ro' * bool(mount.get('ReadOnly'))}"
        for mount in host.pop("Mounts", None) or []
        if mount["Type"] == "volume"
    ]
    binds = [*host["Binds"], *volumes]
    host["Binds"] = sorted(b if b.endswith((":ro", ":rw")) else f"{b}:rw" for b in binds)
    for request in host["DeviceRequests"]:
        request["Driver"] = request["Driver"] or ""
    return {"Config": _filled(config), "HostConfig": _filled(host)}


def _filled(value: Any) -> Any:
    """Without what is null, empty, false or zero: absent, for Docker."""
    if isinstance(value, dict):
        pairs = {key: _filled(item) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return value
