"""What the simulated model says: the same words for the same request, in tokens that are words."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OPENINGS = (
    "This is a simulated reply.",
    "A simulator is answering here, not a model.",
    "You are reading simulated text.",
)
_MIDDLES = (
    "The request arrived whole and its words were counted.",
    "Every part of the way from the client to the engine works as it would on real cards.",
    "No card was needed to write this sentence.",
    "The flags of this server were judged by the same rules as those of a real one.",
)
_CLOSINGS = (
    "On real hardware the model itself would answer at this point.",
    "Start the real server to hear what the model thinks.",
)
_THOUGHT = "The question is short. A simulated reply needs little thought, so answer plainly."

# What broken kernels produce: fluent nonsense in several scripts, without a word of the prompt.
_GARBAGE = ("!!!!", "的的", "0,", "ÃÂ", "\ufffd", "}}}", "ных", "ッ", "_assistant", "....")


class Piece(NamedTuple):
    """One token of a reply and where it belongs: `reasoning`, `content` or `tool`."""

    channel: str
    text: str


def tokens(text: str) -> list[str]:
    """Split a text into tokens: each word with the space before it. Joined, they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def answer(prompt: str) -> list[str]:
    """A coherent answer of a few sentences that says it is simulated."""
    seed = zlib.crc32(prompt.encode())
    middle = [_MIDDLES[(seed + i) % len(_MIDDLES)] for i in range(2)]
    sentences = [_OPENINGS[seed % 3], *middle, _CLOSINGS[seed % 2]]
    return tokens(" ".join(sentences))


def thought() -> list[str]:
    """What a reasoning model says to itself first."""
    return tokens(_THOUGHT)


def garbage(prompt: str, length: int = 48) -> list[str]:
    """What wrong kernels make of any prompt."""
    seed = zlib.crc32(prompt.encode())
    return [_GARBAGE[(seed >> (i % 24)) % 7 + i % 4] for i in range(length)]


def longer(pieces: Sequence[Piece], length: int) -> list[Piece]:
    """Go on saying the same until there are `length` tokens, for clients that ignore the end."""
    more = [Piece("content", " " + text.strip()) for text in answer("") * (length // 20 + 1)]
    return [*pieces, *more][: max(length, len(pieces))]


def tool_arguments(function: Mapping[str, Any], prompt: str) -> str:
    """JSON arguments that satisfy the function's schema as far as types go."""
    schema = function.get("parameters") or {}
    properties = schema.get("properties") or {}
    wanted = schema.get("required") or list(properties)
    return json.dumps({name: _value(properties.get(name) or {}, prompt) for name in wanted})


def _value(schema: Mapping[str, Any], prompt: str) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "string":
        words = re.findall(r"\w+", prompt)
        return words[-1] if words else "simulated"
    simple: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": True, "array": []}
    return simple.get(kind, {})
