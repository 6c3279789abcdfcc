"""Streaming: text as it is made, and a plain word when the stream breaks off."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from counterparts import NAME, answer, saying

from glm_deploy.errors import LaunchError

if TYPE_CHECKING:
    from glm_deploy.server.client import Client

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(**delta: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta}]}).encode() + b"\n\n"


def test_reasoning_comes_before_content(client: Client) -> None:
    pieces = list(client.stream_chat(NAME, "hello", timeout_s=30))
    kinds = [kind for kind, _ in pieces]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"reasoning", "content"}
    assert len(pieces) > 10


def test_a_piece_is_handed_on_before_the_next_is_made() -> None:
    first_read = threading.Event()

    def wait() -> None:
        assert first_read.wait(10), "the first piece was held back"

    with saying(HEAD, event(content="one"), wait, event(content=" two"), DONE) as client:
        pieces = client.stream_chat(NAME, "hello", timeout_s=10)
        assert next(pieces) == ("content", "one")
        first_read.set()
        assert list(pieces) == [("content", " two")]


def test_deltas_without_text_are_passed_over() -> None:
    role = event(role="assistant", content=None)
    usage = b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n'
    with saying(HEAD, role, event(content="x"), b": a comment\n\n", usage, DONE) as client:
        assert list(client.stream_chat(NAME, "hello", timeout_s=5)) == [("content", "x")]


def test_an_error_in_the_stream_is_not_taken_for_its_end() -> None:
    error = b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'
    with saying(HEAD, event(content="x"), error, DONE) as client:
        pieces = client.stream_chat(NAME, "hello", timeout_s=5)
        assert next(pieces) == ("content", "x")
        with pytest.raises(LaunchError, match=r"broke off: .*out of memory"):
            next(pieces)


def test_a_stream_that_ends_without_its_end_mark_broke_off() -> None:
    with saying(HEAD, event(content="x")) as client:
        pieces = client.stream_chat(NAME, "hello", timeout_s=5)
        assert next(pieces) == ("content", "x")
        with pytest.raises(LaunchError, match="broke off"):
            next(pieces)


@pytest.mark.parametrize("line", [b"data: {\n\n", b"data: []\n\n", b'data: {"choices": 1}\n\n'])
def test_an_event_that_is_no_completion_is_refused(line: bytes) -> None:
    with saying(HEAD, line, DONE) as client, pytest.raises(LaunchError):
        list(client.stream_chat(NAME, "hello", timeout_s=5))


def test_a_refusal_says_what_the_server_said() -> None:
    refusal = answer(b"the prompt is too long", "400 Bad Request")
    with saying(refusal) as client, pytest.raises(LaunchError) as refused:
        list(client.stream_chat(NAME, "hello", timeout_s=5))
    assert "/v1/chat/completions answered 400: the prompt is too long" in refused.value.message
