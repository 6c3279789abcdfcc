"""Acceptance: our model, a whole sentence, in time; anything else is a launch that failed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from counterparts import NAME, answer, saying, simulator, until

from glm_deploy.errors import LaunchError
from glm_deploy.server.acceptance import accept
from glm_deploy.server.client import Client

if TYPE_CHECKING:
    from pathlib import Path


def test_a_sentence_of_our_model_is_accepted_and_timed(client: Client) -> None:
    began = time.monotonic()
    accepted = accept(client, NAME, timeout_s=30)
    assert "simulated reply" in accepted.text
    assert 0 < accepted.seconds <= time.monotonic() - began


def test_a_server_of_another_model_is_refused_with_both_names(client: Client) -> None:
    with pytest.raises(LaunchError) as refused:
        accept(client, "glm-6", timeout_s=30)
    assert f"serves {NAME}, not glm-6" in refused.value.message
    assert "glm-deploy status" in refused.value.remedy


def test_garbled_text_is_refused_and_shown(tmp_path: Path) -> None:
    with simulator(tmp_path, scenario="garbled") as client:
        until(lambda: client.health() == 200)
        with pytest.raises(LaunchError, match="generates garbled text"):
            accept(client, NAME, timeout_s=30)


def test_a_generation_that_takes_too_long_is_refused_in_time(tmp_path: Path) -> None:
    with simulator(tmp_path, scenario="slow-first-turn", speed=300) as client:
        until(lambda: client.health() == 200)
        began = time.monotonic()
        with pytest.raises(LaunchError, match=r"did not answer properly \(ReadTimeout"):
            accept(client, NAME, timeout_s=0.2)
        assert time.monotonic() - began < 5


def test_nobody_listens() -> None:
    with Client("http://127.0.0.1:1") as client:
        assert client.health() is None
        with pytest.raises(LaunchError, match="ConnectError"):
            accept(client, NAME, timeout_s=1)


def test_a_server_that_listens_but_is_not_ready_is_503(tmp_path: Path) -> None:
    # Warm-up lasts 50 s of a real boot, a sixth of a second here.
    with simulator(tmp_path, speed=300) as client:
        assert client.health() == 503
        until(lambda: client.health() == 200)


MODELS = json.dumps({"data": [{"id": NAME}]}).encode()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (answer(b"<html>", "502 Bad Gateway"), "answered 502: <html>"),
        (answer(b"<html>"), "did not answer properly"),
        (answer(b"[]"), "did not answer with a list of models"),
        (answer(b'{"data": [{}]}'), "did not answer with a list of models"),
        (answer(b'{"data": null}'), "did not answer with a list of models"),
        (answer(b'{"data": []}'), f"serves nothing, not {NAME}"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "did not answer properly"),
        (b"", "did not answer properly"),
    ],
)
def test_something_else_on_the_port_is_refused_in_one_sentence(said: bytes, message: str) -> None:
    with saying(said) as client, pytest.raises(LaunchError) as refused:
        accept(client, NAME, timeout_s=5)
    assert message in refused.value.message


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"choices": []}', b'{"choices": [{"message": null}]}']
)
def test_an_answer_without_a_completion_is_refused(body: bytes) -> None:
    with saying(answer(body)) as client, pytest.raises(LaunchError):
        client.chat(NAME, "hello", max_tokens=1, timeout_s=5)
