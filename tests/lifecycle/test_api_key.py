"""A server with an API key: it works, and the key is nowhere but in its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from testbench.workplace import NO_DOCKER, Workplace, can_bind

from glm_deploy.lifecycle.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "s3cret-0815"


@pytest.fixture(scope="module", params=["docker", "process"])
def keyed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Keyed]:
    host = NO_DOCKER
    if request.param == "docker":
        request.getfixturevalue("simulator_ref")
        host = request.getfixturevalue("docker_host")
    place = Workplace(tmp_path_factory.mktemp("keyed"), host)
    try:
        yield Keyed(place)
    finally:
        place.close()


class Keyed:
    """A rehearsal with an API key, up."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.file = place.folder / "server.yaml"
        self.file.write_text(f"api-key: {KEY}\n")
        self.words = ("--set", f"server.api_key_file={self.file}")
        self.brought_up = place.rehearse(*self.words)


def test_up_accepts_a_server_that_wants_a_key(keyed: Keyed) -> None:
    assert keyed.brought_up.code == 0, keyed.brought_up.err


def test_chat_with_the_key_file_is_answered(keyed: Keyed) -> None:
    words = ("--name", keyed.place.name, "--api-key-file", str(keyed.file), "hello")
    code, out, _ = keyed.place.run("chat", *words)
    assert code == 0
    assert "simulat" in out


def test_chat_without_the_key_is_told_how_to_give_it(keyed: Keyed) -> None:
    code, out, err = keyed.place.run("chat", "--name", keyed.place.name, "hello")
    assert (code, out) == (4, "")
    assert "answered 401" in err
    assert "--api-key-file FILE" in err


def test_status_needs_no_key(keyed: Keyed) -> None:
    out = keyed.place.run("status", "--name", keyed.place.name, "--json").out
    assert json.loads(out)[0]["health"] == "ready"


def test_the_engine_logs_its_key_but_we_do_not_print_it(keyed: Keyed) -> None:
    logs = keyed.place.run("logs", "--name", keyed.place.name).out
    assert "api_key='***'" in logs
    assert KEY not in logs


def test_the_key_is_in_nothing_that_is_printed_started_or_kept(keyed: Keyed) -> None:
    place = keyed.place
    told = [*keyed.brought_up[1:]]
    told += place.run("status", "--name", place.name, "--json")[1:]
    for target in ("compose", "docker-run", "shell", "json"):
        told += place.run("render", "--format", target, *keyed.words)[1:]
    if place.docker_host == NO_DOCKER:
        (pid,) = place.simulators()
        told.append(Path(f"/proc/{pid}/cmdline").read_text())
        told.append(Path(f"/proc/{pid}/environ").read_text())
        told += [file.read_text() for file in place.state.rglob("launch.json")]
    else:
        told.append(place.docker("inspect", *place.containers()))
    assert len(told) >= 13
    assert not [text for text in told if KEY in text]


def test_the_last_lines_of_a_failed_boot_hide_the_key(place_without_docker: Workplace) -> None:
    place = place_without_docker
    key = place.folder / "server.yaml"
    # A pipeline refuses this right after the arguments, which then are among the last lines.
    key.write_text(f"api-key: {KEY}\nenable-mixed-chunk: true\n")
    words = ("-p", "sm120-tp2-pp3", "--set", f"server.api_key_file={key}")
    code, _, err = place.rehearse(*words)
    assert code == 4
    assert "api_key='***'" in err
    assert KEY not in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"", "holds no api-key"),
        (b"port: 5000\n", "holds no api-key"),
        (b"api-key: [a, b]\n", "holds no api-key"),
        (b'api-key: "s3cret-0815\nport: [', "not valid YAML"),
        (b"\xff\xfe", "cannot be read"),
        ("api-key: schlüssel\n".encode(), "no HTTP header can carry"),
        (b'api-key: "s3cret-0815\\nX-Evil: 1"\n', "no HTTP header can carry"),
    ],
)
def test_a_key_file_that_holds_no_usable_key(
    place_without_docker: Workplace, content: bytes | None, message: str
) -> None:
    place = place_without_docker
    file = place.folder / "server.yaml"
    if content is not None:
        file.write_bytes(content)
    code, out, err = place.rehearse("--set", f"server.api_key_file={file}")
    assert (code, out) == (2, "")
    assert message in err
    assert str(file) in err
    assert KEY not in err
    assert place.simulators() == []
    assert can_bind(place.port)


def test_a_folder_is_no_key_file(place_without_docker: Workplace) -> None:
    words = ("--set", f"server.api_key_file={place_without_docker.folder}")
    code, _, err = place_without_docker.rehearse(*words)
    assert code == 2
    assert "cannot be read" in err


@pytest.mark.parametrize(
    ("logged", "shown"),
    [
        ("x, api_key='s3cret', y\n", "x, api_key='***', y\n"),
        ('api_key="it\'s"\n', "api_key='***'\n"),
        (r"api_key='a\'b', admin_api_key='c'" + "\n", "api_key='***', admin_api_key='***'\n"),
        ("api_key=None\n", "api_key=None\n"),
        ("no line break: api_key='s3cret'", "no line break: api_key='***'"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_key_is_taken_out_wherever_the_log_is_cut(logged: str, shown: str, size: int) -> None:
    pieces = [logged[at : at + size] for at in range(0, len(logged), size)]
    assert "".join(redacted(pieces)) == shown


def test_a_progress_bar_is_not_held_back() -> None:
    bar = iter(["Loading 1%\rLoading 2%", "\rLoading 3%\n"])
    assert next(redacted(bar)) == "Loading 1%\r"
