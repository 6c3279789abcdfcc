"""`status`, `logs`, `down` and `chat`: which deployment they mean, and what if there is none.

Rehearsal processes stand for deployments here; tests/lifecycle holds the same for Docker.
"""

from __future__ import annotations

import json
import socketserver
import threading
from typing import TYPE_CHECKING

import pytest
from testbench.workplace import Workplace, ended, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMANDS = {
    "logs": ["logs"],
    "down": ["down"],
    "chat": ["chat", "hello"],
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    """A workplace where no Docker answers."""
    workplace = Workplace(tmp_path)
    yield workplace
    workplace.close()


@pytest.fixture
def empty_docker(docker_host_without_gpu_hook: str, tmp_path: Path) -> Iterator[Workplace]:
    """A workplace with a Docker engine on which nothing of ours runs."""
    workplace = Workplace(tmp_path, docker_host_without_gpu_hook)
    yield workplace
    workplace.close()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A workplace with two rehearsals, NAME and NAME-b."""
    workplace = Workplace(tmp_path_factory.mktemp("two"))
    try:
        assert workplace.rehearse().code == 0
        other = workplace.rehearse(name=f"{workplace.name}-b", port=free_port())
        assert other.code == 0, other.err
        yield workplace
    finally:
        workplace.close()


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_nothing_is_deployed(empty_docker: Workplace, words: list[str]) -> None:
    code, out, err = empty_docker.run(*words)
    assert (code, out) == (2, "")
    assert err == "error: nothing is deployed here\nfix:   Start with: glm-deploy up\n"


def test_status_of_nothing_is_no_failure(empty_docker: Workplace) -> None:
    code, out, err = empty_docker.run("status")
    assert (code, out) == (0, "")
    assert err == "nothing is deployed here; start with: glm-deploy up\n"


def test_status_of_nothing_as_json_is_an_empty_list(empty_docker: Workplace) -> None:
    code, out, _ = empty_docker.run("status", "--json")
    assert (code, json.loads(out)) == (0, [])


@pytest.mark.parametrize("words", [["status"], *COMMANDS.values()], ids=["status", *COMMANDS])
def test_without_docker_and_without_rehearsals_nothing_is_known(
    place: Workplace, words: list[str]
) -> None:
    code, out, err = place.run(*words)
    assert (code, out) == (3, "")
    assert "Docker does not answer" in err


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_several_deployments_have_to_be_told_apart(two: Workplace, words: list[str]) -> None:
    code, out, err = two.run(*words)
    assert (code, out) == (2, "")
    assert f"there are several deployments: {two.name}, {two.name}-b" in err
    assert "--name" in err
    assert len(two.simulators()) == 2


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_an_unknown_name_is_answered_with_the_known_ones(two: Workplace, words: list[str]) -> None:
    code, out, err = two.run(*words, "--name", "nobody")
    assert (code, out) == (2, "")
    assert f"there is no deployment nobody; there is {two.name}, {two.name}-b" in err


def test_status_shows_every_deployment(two: Workplace) -> None:
    lines = two.run("status").out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", two.name, f"{two.name}-b"]


def test_status_of_one_name(two: Workplace) -> None:
    rows = json.loads(two.run("status", "--name", f"{two.name}-b", "--json").out)
    assert [row["name"] for row in rows] == [f"{two.name}-b"]


def test_the_only_deployment_needs_no_name(place: Workplace) -> None:
    assert place.rehearse().code == 0
    assert "fired up" in place.run("logs").out
    assert "simulat" in place.run("chat", "hello").out
    assert place.run("down").code == 0
    assert place.simulators() == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["logs", "-n", "0"], "0 is not in the range x>=1"),
        (["logs", "-n", "many"], "'many' is not a valid integer"),
        (["chat"], "Missing argument 'PROMPT'"),
        (["up", "--speed", "0"], "0.0 is not in the range"),
        (["up", "--rehearse-in", "cloud"], "'cloud' is not one of"),
        (["up", "--name", "Not/A/Name"], "cannot name a deployment"),
    ],
)
def test_words_that_make_no_sense(place: Workplace, words: list[str], message: str) -> None:
    code, out, err = place.run(*words)
    assert (code, out) == (2, "")
    assert message in err


def test_chat_to_a_server_that_is_down(place: Workplace) -> None:
    assert place.rehearse("--scenario", "oom-at-load").code == 4
    code, out, err = place.run("chat", "hello")
    assert (code, out) == (4, "")
    assert "did not answer properly (ConnectError" in err


def test_chat_with_an_unreadable_key_file(two: Workplace) -> None:
    words = ("--name", two.name, "--api-key-file", "/nonexistent/key.yaml")
    code, _, err = two.run("chat", "hello", *words)
    assert code == 2
    assert "the API key file /nonexistent/key.yaml cannot be read" in err


def test_chat_prints_each_word_as_it_comes(place: Workplace) -> None:
    word_was_read = threading.Event()
    assert place.rehearse().code == 0

    class Slow(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            event = 'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n'
            self.request.sendall((head + event % "first").encode())
            assert word_was_read.wait(20)
            self.request.sendall((event % " second" + "data: [DONE]\n\n").encode())

    with socketserver.TCPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        redirect(place, f"http://127.0.0.1:{server.server_address[1]}")
        chat = place.start("chat", "hello")
        assert chat.stdout
        assert chat.stdout.read(5) == "first"
        word_was_read.set()
        assert ended(chat).out == " second\n"


def redirect(place: Workplace, endpoint: str) -> None:
    """Let the deployment's record name another server."""
    path = place.state / "glm-deploy" / "rehearsals" / place.name / "launch.json"
    record = json.loads(path.read_text())
    record["labels"]["io.github.glm-deploy.endpoint"] = endpoint
    path.write_text(json.dumps(record))
