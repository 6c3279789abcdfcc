"""Servers that die, hang or talk nonsense: `up` says so soon, and keeps the log for reading."""

from __future__ import annotations

import json
import time

import pytest
from testbench.workplace import NO_DOCKER, Workplace, can_bind

# Scenario, more words, and what the message has to say.
FAILURES = [
    pytest.param("oom-at-load", (), "the server died while it booted", id="oom-at-load"),
    pytest.param(
        "hang-in-graph-capture",
        ("--set", "readiness.boot_timeout_s=4"),
        "was not ready after 4 s; its last phase was: graph capture",
        id="hang-in-graph-capture",
    ),
    pytest.param("garbled", (), "the server generates garbled text", id="garbled"),
    pytest.param(
        "slow-first-turn",
        ("--speed", "130", "--set", "readiness.first_turn_timeout_s=1"),
        "did not answer properly (ReadTimeout",
        id="slow-first-turn",
    ),
]


def state(place: Workplace) -> dict[str, object]:
    out = place.run("status", "--name", place.name, "--json").out
    (row,) = json.loads(out)
    return dict(row)


@pytest.mark.parametrize(("scenario", "words", "message"), FAILURES)
def test_a_server_that_cannot_be_accepted_is_stopped_and_kept(
    either_place: Workplace, scenario: str, words: tuple[str, ...], message: str
) -> None:
    place = either_place
    code, out, err = place.rehearse("--scenario", scenario, *words)
    assert (code, out) == (4, "")
    assert message in err

    quoted = err.partition("last lines of its log:\n")[2]
    lines = quoted.partition("\nfix: ")[0].splitlines()
    assert 1 <= len(lines) <= 20
    log = place.run("logs", "--name", place.name).out
    assert all(line.strip() in log for line in lines)

    assert f"glm-deploy down --name {place.name}" in err
    now = state(place)
    assert (now["state"], now["health"]) == ("exited", "down")
    assert can_bind(place.port)

    assert place.run("down", "--name", place.name).code == 0
    assert (place.containers(), place.simulators()) == ([], [])


def test_the_end_of_a_dying_server_ends_up_at_once_in_spite_of_restarts(
    either_place: Workplace,
) -> None:
    place = either_place
    began = time.monotonic()
    code, _, err = place.rehearse("--scenario", "oom-at-load")
    assert code == 4
    # The boot is over in half a second, and its limit is half an hour.
    assert time.monotonic() - began < 15
    assert "torch.OutOfMemoryError" in err
    if place.docker_host != NO_DOCKER:
        (container,) = place.containers()
        policy = place.docker(
            "inspect", "--format", "{{json .HostConfig.RestartPolicy}}", container
        )
        assert json.loads(policy) == {"Name": "on-failure", "MaximumRetryCount": 3}
        assert place.docker("inspect", "--format", "{{.State.Running}}", container) == "false\n"


def test_what_the_engine_refuses_is_shown_in_its_own_words(either_place: Workplace) -> None:
    place = either_place
    # A patched image may know more than the parser at hand: the plan passes with a warning.
    code, _, err = place.rehearse("--set", "engine.extra_args.--wholly-unheard-of=1")
    assert code == 4
    assert "error: unrecognized arguments: --wholly-unheard-of 1" in err


def test_a_misspelled_scenario_starts_nothing(either_place: Workplace) -> None:
    code, _, err = either_place.rehearse("--scenario", "no-such-scenario")
    assert code == 2
    assert "'oom-at-load'" in err


def test_up_after_a_failure_clears_what_was_kept(either_place: Workplace) -> None:
    place = either_place
    assert place.rehearse("--scenario", "oom-at-load").code == 4
    code, _, err = place.rehearse()
    assert code == 0, err
    assert state(place)["health"] == "ready"


def test_a_slow_first_turn_is_waited_for(place_without_docker: Workplace) -> None:
    code, _, err = place_without_docker.rehearse("--scenario", "slow-first-turn", speed=300)
    assert code == 0
    seconds = float(err.rpartition("first answer in ")[2].partition(" s")[0])
    assert seconds >= 0.6


def test_a_crash_after_ready_is_chat_s_to_tell(either_place: Workplace) -> None:
    place = either_place
    assert place.rehearse("--scenario", "crash-after-ready").code == 0
    code, _, err = place.run("chat", "--name", place.name, "hello")
    assert code == 4
    assert "did not answer properly" in err
    assert "glm-deploy logs" in err
    log = place.run("logs", "--name", place.name).out
    assert "CUDA error: an illegal memory access was encountered" in log
    assert place.run("down", "--name", place.name).code == 0
    assert (place.containers(), place.simulators()) == ([], [])
