"""Two runs at once, Ctrl-C, `kill -9`, and a state directory that cannot be written to."""

from __future__ import annotations

import json
import resource
import signal
import socket
import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from testbench.workplace import Workplace, can_bind, ended

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

HANGING = ("--rehearse", "--speed", "5000", "--scenario", "hang-in-graph-capture")


def booting(place: Workplace) -> subprocess.Popen[str]:
    """An `up` that waits for a server which never gets ready."""
    up = place.start(*place.up_words(*HANGING))
    assert up.stderr
    for line in up.stderr:
        if line.strip() == "graph capture":
            return up
    raise AssertionError(f"it ended before the graphs: {up.wait()}")


def assert_gone(place: Workplace) -> None:
    assert (place.containers(), place.simulators()) == ([], [])
    assert can_bind(place.port)


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_second_run_on_the_same_deployment_is_told_who_is_at_work(
    either_place: Workplace, command: str
) -> None:
    place = either_place
    first = booting(place)
    words = place.up_words(*HANGING) if command == "up" else ["down", "--name", place.name]
    began = time.monotonic()
    code, out, err = place.run(*words)
    assert (code, out) == (5, "")
    assert time.monotonic() - began < 10
    assert f"another glm-deploy (PID {first.pid}) is at work on deployment {place.name}" in err
    assert first.poll() is None


def test_another_deployment_is_not_locked_out(place_without_docker: Workplace) -> None:
    place = place_without_docker
    first = booting(place)
    other = Workplace(place.folder / "home", place.docker_host)
    other.state = place.state
    try:
        assert other.rehearse().code == 0
        assert other.run("down", "--name", other.name).code == 0
    finally:
        other.close()
    assert first.poll() is None


def test_ctrl_c_says_what_is_left_and_how_to_remove_it(either_place: Workplace) -> None:
    place = either_place
    up = booting(place)
    up.send_signal(signal.SIGINT)
    code, out, err = ended(up, within_s=15)
    assert (code, out) == (130, "")
    told = f"deployment {place.name} is left running; remove it: "
    assert told in err
    assert json.loads(place.run("status", "--name", place.name, "--json").out)
    remedy = err.partition(told)[2].splitlines()[0].split()
    assert remedy[0] == "glm-deploy"
    assert place.run(*remedy[1:]).code == 0
    assert_gone(place)


def test_up_after_ctrl_c_goes_on_waiting_for_the_same_server(either_place: Workplace) -> None:
    place = either_place
    words = place.up_words("--rehearse", "--speed", "200")
    up = place.start(*words)
    assert up.stderr
    assert any(line.strip() == "load weights" for line in up.stderr)
    up.send_signal(signal.SIGINT)
    assert ended(up, within_s=15).code == 130
    before = place.containers() or place.simulators()
    assert before
    code, out, err = place.run(*words)
    assert (code, out) == (0, f"http://127.0.0.1:{place.port}/v1\n"), err
    assert (place.containers() or place.simulators()) == before


def test_after_kill_9_the_deployment_is_found_and_the_lock_is_free(
    either_place: Workplace,
) -> None:
    place = either_place
    up = booting(place)
    up.kill()
    up.wait()
    (row,) = json.loads(place.run("status", "--name", place.name, "--json").out)
    assert (row["state"], row["health"]) == ("running", "no answer")
    code, _, err = place.run("down", "--name", place.name)
    assert code == 0, err
    assert_gone(place)


def test_docker_that_goes_away_during_the_boot_is_no_bug_of_ours(place: Workplace) -> None:
    with relay(place.docker_host, place.folder / "relay.sock") as hang_up:
        direct, place.docker_host = place.docker_host, f"unix://{place.folder}/relay.sock"
        up = booting(place)
        hang_up()
        code, out, err = ended(up, within_s=40)
    place.docker_host = direct
    assert (code, out) == (3, "")
    assert "Docker stopped answering properly" in err
    assert place.run("down", "--name", place.name).code == 0
    assert_gone(place)


@contextmanager
def relay(docker_host: str, path: Path) -> Iterator[Callable[[], None]]:
    """Docker's socket under another path, until the function that this yields is called."""
    ends: list[socket.socket] = []

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as docker:
                docker.connect(docker_host.removeprefix("unix://"))
                ends.extend((self.request, docker))
                threading.Thread(target=copy, args=(docker, self.request), daemon=True).start()
                copy(self.request, docker)

    with socketserver.ThreadingUnixStreamServer(str(path), Relay) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

        def hang_up() -> None:
            server.shutdown()
            path.unlink()
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        yield hang_up


def test_a_state_directory_that_cannot_be_made(either_place: Workplace) -> None:
    place = either_place
    place.state.write_text("a file is in the way")
    code, out, err = place.rehearse()
    assert (code, out) == (3, "")
    assert f"the state directory {place.state}/glm-deploy cannot be made" in err
    assert "XDG_STATE_HOME" in err
    assert_gone(place)


def test_looking_needs_no_state_directory(place: Workplace) -> None:
    assert place.rehearse().code == 0
    nowhere = {"XDG_STATE_HOME": "/proc/nowhere"}
    name = ("--name", place.name)
    assert place.name in place.run("status", *name, **nowhere).out
    assert place.run("logs", *name, **nowhere).code == 0
    assert place.run("chat", *name, "hello", **nowhere).code == 0


def no_file_grows_beyond(size: int) -> Callable[[], None]:
    """The kernel then refuses to write as on a full disk; pipes and sockets are not files."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_leaves_no_rehearsal_process_that_nobody_can_find(
    place_without_docker: Workplace,
) -> None:
    place = place_without_docker
    words = place.up_words("--rehearse", "--speed", "5000")
    code, out, err = place.run(*words, preexec=no_file_grows_beyond(0))
    assert (code, out) == (4, "")
    assert "the rehearsal cannot be started" in err
    assert_gone(place)
    assert place.rehearse().code == 0


def test_a_full_disk_keeps_nobody_from_up_and_down_in_docker(place: Workplace) -> None:
    full = no_file_grows_beyond(0)
    words = place.up_words("--rehearse", "--speed", "5000")
    code, _, err = place.run(*words, preexec=full)
    assert code == 0, err
    assert place.run("down", "--name", place.name, preexec=full).code == 0
    assert_gone(place)


def test_a_lock_file_that_cannot_be_opened(place_without_docker: Workplace) -> None:
    place = place_without_docker
    lock = place.state / "glm-deploy" / f"{place.name}.lock"
    lock.mkdir(parents=True)
    code, _, err = place.rehearse()
    assert code == 3
    assert f"the lock file {lock} cannot be opened: Is a directory" in err
