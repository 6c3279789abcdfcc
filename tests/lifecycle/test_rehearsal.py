"""A rehearsal from `up` to `down`, in Docker and as a process."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from testbench.workplace import NO_DOCKER, Ran, Workplace, can_bind, ended, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PHASES = [
    "distributed init",
    "load weights",
    "KV cache 437,184 tokens",
    "memory pool",
    "graph capture",
    "warm-up",
    "ready",
]


class Shared:
    """A rehearsal that tests only look at."""

    def __init__(self, place: Workplace, brought_up: Ran) -> None:
        self.place = place
        self.brought_up = brought_up


@pytest.fixture(scope="module", params=["docker", "process"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    host = NO_DOCKER
    if request.param == "docker":
        request.getfixturevalue("simulator_ref")
        host = request.getfixturevalue("docker_host")
    place = Workplace(tmp_path_factory.mktemp("shared"), host)
    try:
        yield Shared(place, place.rehearse())
    finally:
        place.close()


def left_out(err: str) -> str:
    return err.partition("left out of it:\n")[2].partition(" started, waiting")[0]


def test_up_prints_the_endpoint_and_nothing_else(shared: Shared) -> None:
    code, out, err = shared.brought_up
    assert code == 0, err
    assert out == f"http://127.0.0.1:{shared.place.port}/v1\n"


def test_up_tells_the_phases_of_the_boot_in_their_order(shared: Shared) -> None:
    told = [line[2:] for line in shared.brought_up.err.splitlines() if line[2:] in PHASES]
    assert told == PHASES


def test_up_ends_with_what_the_server_answered(shared: Shared) -> None:
    last = shared.brought_up.err.splitlines()[-1]
    assert last.startswith("ready after ")
    assert "first answer in" in last
    assert "simulated reply" in last


def test_up_says_what_a_rehearsal_leaves_out(shared: Shared, memlock_allowed: bool) -> None:
    told = left_out(shared.brought_up.err)
    assert "the image: the simulator stands in for voipmonitor/sglang:cu130" in told
    assert "the GPU request (all)" in told
    as_process = shared.place.docker_host == NO_DOCKER
    assert ("it runs as a process, since Docker does not answer" in told) == as_process
    assert ("the memlock limit" in told) == (not as_process and not memlock_allowed)


def test_status_shows_it_as_a_ready_rehearsal(shared: Shared) -> None:
    code, out, _ = shared.place.run("status", "--name", shared.place.name)
    assert code == 0
    header, row = out.splitlines()
    assert header.split() == ["NAME", "STATE", "HEALTH", "PROFILE", "PLAN", "ENDPOINT", "MODEL"]
    name, mark, state, health, profile, _, endpoint, model = row.split()
    assert (name, mark, state, health) == (shared.place.name, "(rehearsal)", "running", "ready")
    assert (profile, model) == ("sm120-tp8", "glm-5.1-reap")
    assert endpoint == f"http://127.0.0.1:{shared.place.port}"


def test_status_as_json_has_the_same_for_programs(shared: Shared) -> None:
    _, out, _ = shared.place.run("status", "--name", shared.place.name, "--json")
    (row,) = json.loads(out)
    assert row["name"] == shared.place.name
    assert row["runtime"] == ("process" if shared.place.docker_host == NO_DOCKER else "docker")
    assert (row["state"], row["exit_code"], row["restarts"]) == ("running", None, 0)
    assert (row["health"], row["rehearsal"]) == ("ready", True)
    assert len(row["plan"]) == 64


def test_logs_prints_the_whole_log(shared: Shared) -> None:
    code, out, _ = shared.place.run("logs", "--name", shared.place.name)
    assert code == 0
    assert "server_args=ServerArgs(" in out.splitlines()[0]
    assert "The server is fired up and ready to roll!" in out


@pytest.mark.parametrize("count", [1, 5])
def test_logs_n_prints_the_last_lines_only(shared: Shared, count: int) -> None:
    words = ("logs", "--name", shared.place.name)
    _, whole, _ = shared.place.run(*words)
    _, some, _ = shared.place.run(*words, "-n", str(count))
    assert len(some.split("\n")) == count + 1
    assert whole.endswith(some)


def test_chat_prints_the_answer_and_keeps_the_reasoning_to_itself(shared: Shared) -> None:
    code, out, err = shared.place.run("chat", "--name", shared.place.name, "hello")
    assert (code, err) == (0, "")
    assert "simulat" in out
    assert "The question is short." not in out


def test_chat_reasoning_goes_to_stderr(shared: Shared) -> None:
    words = ("chat", "--name", shared.place.name, "--reasoning", "hello")
    _, out, err = shared.place.run(*words)
    assert "The question is short." in err
    assert "The question is short." not in out


def test_up_once_more_does_nothing_and_is_content(shared: Shared) -> None:
    words = ("status", "--name", shared.place.name, "--json")
    before = json.loads(shared.place.run(*words).out)
    code, out, err = shared.place.rehearse()
    assert code == 0
    assert out == shared.brought_up.out
    assert err == f"{shared.place.name} is up already, with the same plan\n"
    assert json.loads(shared.place.run(*words).out) == before


def test_another_plan_under_a_taken_name_is_refused_with_both_ways_out(shared: Shared) -> None:
    place = shared.place
    code, out, err = place.rehearse("--set", "engine.context_length=65536")
    assert (code, out) == (4, "")
    assert f"deployment {place.name} exists already (running" in err
    assert f"glm-deploy down --name {place.name}" in err
    assert "--name NAME --set server.port=PORT" in err
    assert place.run("chat", "--name", place.name, "still there?").code == 0


def test_another_name_and_port_run_side_by_side(shared: Shared) -> None:
    place, other = shared.place, f"{shared.place.name}-b"
    code, _, err = place.rehearse("-p", "sm120-tp2-pp3", name=other, port=free_port())
    assert code == 0, err
    answers = [place.run("chat", "--name", name, "hello").code for name in (place.name, other)]
    assert answers == [0, 0]
    assert place.run("down", "--name", other).code == 0
    assert place.run("chat", "--name", place.name, "still there?").code == 0


def test_down_removes_it_and_frees_the_port(either_place: Workplace) -> None:
    place = either_place
    assert place.rehearse().code == 0
    assert not can_bind(place.port)
    code, out, err = place.run("down", "--name", place.name)
    assert (code, out) == (0, "")
    assert err.splitlines()[-1] == f"{place.name} is down"
    assert can_bind(place.port)
    assert (place.containers(), place.simulators()) == ([], [])
    assert place.run("status", "--name", place.name, "--json").out in ("[]\n", "")


def test_logs_f_follows_and_ends_with_the_server(either_place: Workplace) -> None:
    place = either_place
    assert place.rehearse().code == 0
    following = place.start("logs", "--name", place.name, "-f", "-n", "1")
    assert following.stdout
    following.stdout.readline()
    httpx.get(f"http://127.0.0.1:{place.port}/v1/models/nobody")
    line = ""
    while "/v1/models/nobody" not in line:
        line = following.stdout.readline()
        assert line, "the log ended before the request was in it"
    assert following.poll() is None
    assert place.run("down", "--name", place.name).code == 0
    code, rest, _ = ended(following, within_s=10)
    assert code == 0
    assert "Gracefully exiting" in rest


def test_logs_into_a_closed_pipe_end_quietly(shared: Shared) -> None:
    logs = shared.place.start("logs", "--name", shared.place.name, "-f")
    assert logs.stdout
    logs.stdout.readline()
    logs.stdout.close()
    for _ in range(100):
        httpx.get(f"http://127.0.0.1:{shared.place.port}/v1/models/nobody")
        if logs.poll() is not None:
            break
        time.sleep(0.05)
    assert logs.wait(timeout=10) == 0
    assert logs.stderr
    assert logs.stderr.read() == ""


def test_the_simulator_gets_the_very_argv_of_the_plan(either_place: Workplace) -> None:
    place = either_place
    extra = ("--set", 'engine.model_loader_extra_config={"enable_multithread_load": true}')
    assert place.rehearse(*extra).code == 0
    words = ("--name", place.name, "--set", f"server.port={place.port}", *extra)
    spec = json.loads(place.run("render", "--format", "json", *words).out)["spec"]
    log = place.run("logs", "--name", place.name).out
    assert "Multi-thread loading shards" in log
    started = _argv(place)
    assert started[-len(spec["argv"]) + 3 :] == spec["argv"][3:]


def _argv(place: Workplace) -> list[str]:
    if place.docker_host != NO_DOCKER:
        (container,) = place.containers()
        return list(json.loads(place.docker("inspect", container))[0]["Config"]["Cmd"])
    from pathlib import Path

    (pid,) = place.simulators()
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
