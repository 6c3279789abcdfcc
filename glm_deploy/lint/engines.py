"""Finds out which engine a list of words starts, and where its own arguments begin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glm_deploy.lint.words import Word

SGLANG = "SGLang"

_PYTHON = re.compile(r"(?:.*/)?(?:python[0-9.]*|pypy[0-9.]*)$")
# Options of the interpreter that take a word of their own.
_PYTHON_TAKES_VALUE = {"-W", "-X", "--check-hash-based-pycs"}
_MODEL_FLAGS = ("--model-path", "--model")


@dataclass(frozen=True, slots=True)
class Start:
    """An engine by name, and the index of the first word that belongs to it alone."""

    engine: str
    first: int


@cache
def _table() -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = Path(__file__).with_name("engines.yaml").read_text("utf-8")
    return list(yaml.load(text, Loader=loader))  # noqa: S506 safe


def engine_of_image(ref: str) -> str | None:
    """The engine that an image is made for, going by the last part of its repository."""
    repository = ref.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()
    for row in _table():
        if any(re.fullmatch(rf"{re.escape(n)}(?:-.*)?", repository) for n in row["images"]):
            return str(row["name"])
    return None


def find_start(words: Sequence[Word]) -> Start | None:
    """Which engine the words start, or `None`."""
    if not words:
        return None
    if _PYTHON.match(words[0].text):
        return _python(words)
    program = words[0].text.rpartition("/")[2]
    for row in _table():
        for entry in row["programs"]:
            if entry["name"] != program:
                continue
            if entry["verb"] is None:
                return Start(row["name"], 1)
            if len(words) > 1 and words[1].text == entry["verb"]:
                return Start(row["name"], 2)
    return None


def _python(words: Sequence[Word]) -> Start | None:
    index = 1
    while index < len(words):
        text = words[index].text
        if text == "-m":
            return _module(words, index + 1)
        if text in _PYTHON_TAKES_VALUE:
            index += 2
        elif text.startswith("-"):
            index += 1
        else:
            found = find_start(words[index:]) if text.endswith(".py") else None
            return Start(found.engine, index + found.first) if found else None
    return None


def _module(words: Sequence[Word], index: int) -> Start | None:
    name = words[index].text if index < len(words) else ""
    for row in _table():
        if name not in row["modules"]:
            continue
        if name == "sglang":
            serves = index + 1 < len(words) and words[index + 1].text == "serve"
            return Start(row["name"], index + 2) if serves else None
        return Start(row["name"], index + 1)
    return None


def bare_arguments(words: Sequence[Word]) -> bool:
    """Whether the words are an engine's arguments without any program in front of them."""
    return (
        bool(words)
        and words[0].text.startswith("--")
        and any(word.text.partition("=")[0] in _MODEL_FLAGS for word in words)
    )
