"""Shapes generated pieces into the bodies and stream events of OpenAI's API, as SGLang does."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from glm_deploy.simulator.replies import Piece
    from glm_deploy.simulator.requests import Generation


def chat_body(generation: Generation, pieces: Iterable[Piece]) -> dict[str, Any]:
    """The whole answer of /v1/chat/completions."""
    done = list(pieces)
    text = {
        channel: "".join(piece.text for piece in done if piece.channel == channel).strip()
        for channel in ("reasoning", "content", "tool")
    }
    message = {
        "role": "assistant",
        "content": text["content"] or None,
        "reasoning_content": text["reasoning"] or None,
        "tool_calls": [_tool_call(generation, text["tool"])] if text["tool"] else None,
    }
    return _envelope(
        "chat.completion",
        generation,
        choices=[_choice(generation.finish_reason, message=message)],
        usage=_usage(generation, done),
    )


def chat_events(generation: Generation, pieces: Iterable[Piece]) -> Iterator[dict[str, Any]]:
    """The events of a streamed chat: role, pieces, finish reason, and usage where asked for."""
    head = _envelope("chat.completion.chunk", generation)
    done: list[Piece] = []
    for piece in pieces:
        if not done:
            yield head | {"choices": [_choice(None, delta={"role": "assistant", "content": ""})]}
        yield head | {"choices": [_choice(None, delta=_delta(generation, piece, done))]}
        done.append(piece)
    yield head | {"choices": [_choice(generation.finish_reason, delta={})]}
    if generation.include_usage:
        yield head | {"choices": [], "usage": _usage(generation, done)}


def text_body(generation: Generation, pieces: Iterable[Piece]) -> dict[str, Any]:
    """The whole answer of /v1/completions."""
    done = list(pieces)
    text = "".join(piece.text for piece in done)
    return _envelope(
        "text_completion",
        generation,
        choices=[_choice(generation.finish_reason, text=text)],
        usage=_usage(generation, done),
    )


def text_events(generation: Generation, pieces: Iterable[Piece]) -> Iterator[dict[str, Any]]:
    """The events of a streamed completion."""
    head = _envelope("text_completion", generation)
    done: list[Piece] = []
    for piece in pieces:
        yield head | {"choices": [_choice(None, text=piece.text)]}
        done.append(piece)
    yield head | {"choices": [_choice(generation.finish_reason, text="")]}
    if generation.include_usage:
        yield head | {"choices": [], "usage": _usage(generation, done)}


def native_body(generation: Generation, pieces: Iterable[Piece]) -> dict[str, Any]:
    """The answer of SGLang's own /generate."""
    events = list(native_events(generation, pieces))
    return events[-1]


def native_events(generation: Generation, pieces: Iterable[Piece]) -> Iterator[dict[str, Any]]:
    """The events of /generate: each carries the whole text so far."""
    request, text = uuid.uuid4().hex, ""
    for count, piece in enumerate(pieces, start=1):
        text += piece.text
        last = count == len(generation.pieces)
        yield {
            "text": text,
            "meta_info": {
                "id": request,
                "finish_reason": {"type": generation.finish_reason} if last else None,
                "prompt_tokens": generation.prompt_tokens,
                "completion_tokens": count,
                "cached_tokens": 0,
            },
        }


def _envelope(kind: str, generation: Generation, **more: Any) -> dict[str, Any]:
    head = {"id": uuid.uuid4().hex, "object": kind, "created": int(time.time())}
    return head | {"model": generation.model, **more}


def _choice(finish_reason: str | None, **more: Any) -> dict[str, Any]:
    return {"index": 0, **more, "logprobs": None, "finish_reason": finish_reason}


def _delta(generation: Generation, piece: Piece, done: list[Piece]) -> dict[str, Any]:
    if piece.channel == "reasoning":
        return {"reasoning_content": piece.text}
    if piece.channel == "content":
        # A space between reasoning and answer belongs to neither.
        first = bool(done) and done[-1].channel != "content"
        return {"content": piece.text.lstrip() if first else piece.text}
    if any(earlier.channel == "tool" for earlier in done):
        return {"tool_calls": [{"index": 0, "function": {"arguments": piece.text}}]}
    return {"tool_calls": [_tool_call(generation, piece.text)]}


def _tool_call(generation: Generation, arguments: str) -> dict[str, Any]:
    return {
        "id": f"call_{uuid.uuid4().hex[:24]}",
        "index": 0,
        "type": "function",
        "function": {"name": generation.tool, "arguments": arguments},
    }


def _usage(generation: Generation, done: list[Piece]) -> dict[str, Any]:
    return {
        "prompt_tokens": generation.prompt_tokens,
        "total_tokens": generation.prompt_tokens + len(done),
        "completion_tokens": len(done),
        "prompt_tokens_details": None,
        "reasoning_tokens": sum(piece.channel == "reasoning" for piece in done),
    }
