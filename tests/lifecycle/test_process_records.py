"""The record of a rehearsal process: what is left of it after a crash must not mislead anybody."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from testbench.workplace import Workplace

RUBBISH = [b"", b"{", b"[]", b"null", b"{}", b'{"pid": "1"}', b"\xff", b'{"pid": 1, "born": 2}']


def record_of(place: Workplace) -> Path:
    return place.state / "glm-deploy" / "rehearsals" / place.name / "launch.json"


def change(place: Workplace, **values: Any) -> None:
    path = record_of(place)
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def state(place: Workplace) -> str:
    (row,) = json.loads(place.run("status", "--json").out)
    return str(row["state"])


@pytest.fixture
def place(place_without_docker: Workplace) -> Workplace:
    """A workplace with a rehearsal process that is up."""
    assert place_without_docker.rehearse().code == 0
    return place_without_docker


def test_a_process_that_was_killed_is_exited_and_can_be_removed(place: Workplace) -> None:
    (pid,) = place.simulators()
    os.kill(pid, signal.SIGKILL)
    while place.simulators():
        time.sleep(0.02)
    assert state(place) == "exited"
    assert place.run("down").code == 0
    assert not record_of(place).exists()


def test_up_takes_the_place_of_a_process_that_was_killed(place: Workplace) -> None:
    (pid,) = place.simulators()
    os.kill(pid, signal.SIGKILL)
    while place.simulators():
        time.sleep(0.02)
    assert place.rehearse().code == 0
    assert place.simulators() not in ([], [pid])


def test_a_pid_that_was_given_out_again_is_not_taken_for_ours(place: Workplace) -> None:
    # The test's own process stands for the stranger: `down` must not signal it.
    change(place, pid=os.getpid())
    assert state(place) == "exited"
    assert place.run("down").code == 0


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_a_record_that_cannot_be_read_is_named_with_the_way_out(
    place_without_docker: Workplace, rubbish: bytes
) -> None:
    place = place_without_docker
    path = record_of(place)
    path.parent.mkdir(parents=True)
    path.write_bytes(rubbish)
    for words in (["status"], ["logs"], ["down"], ["chat", "hello"], ["up", "--rehearse"]):
        code, out, err = place.run(*words)
        assert (code, out) == (3, ""), err
        assert f"{path}, cannot be read" in err
        assert f"rm -r {path.parent}" in err


def test_a_log_that_was_removed(place: Workplace) -> None:
    (record_of(place).parent / "server.log").unlink()
    code, _, err = place.run("logs")
    assert code == 3
    assert "cannot be read: No such file or directory" in err
    assert place.run("down").code == 0


def test_the_record_and_the_log_are_for_their_owner_only(place: Workplace) -> None:
    assert (place.state / "glm-deploy").stat().st_mode & 0o077 == 0
