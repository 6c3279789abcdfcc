"""YAML with comments: PyYAML quotes every scalar, this lays the lines out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

# What YAML 1.1 or 1.2 takes for a truth value or for nothing, in any case.
_NO_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Commented:
    """A scalar and the comment behind it (one line)."""

    value: str | int
    comment: str


def dump(tree: dict[str, Any]) -> str:
    """A map of maps, lists and scalars as YAML text; text is always double-quoted."""
    return "\n".join(_mapping(tree, "")) + "\n"


def _mapping(tree: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in tree.items():
        yield from _entry(f"{indent}{_key(key)}:", value, indent)


def _entry(start: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield start
        yield from _mapping(value, indent + "  ")
    elif isinstance(value, list) and value:
        yield start
        for item in value:
            yield from _item(item, indent + "  ")
    else:
        yield f"{start} {_scalar(value)}"


def _item(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        first, *rest = _mapping(value, indent + "  ")
        yield f"{indent}- {first.lstrip()}"
        yield from rest
    else:
        yield f"{indent}- {_scalar(value)}"


def _key(key: str) -> str:
    plain = _PLAIN_KEY.fullmatch(key) and key.lower() not in _NO_TEXT
    return key if plain else _quoted(key)


def _scalar(value: Any) -> str:
    if isinstance(value, Commented):
        comment = f"  # {value.comment}" if value.comment else ""
        return f"{_scalar(value.value)}{comment}"
    if isinstance(value, str):
        return _quoted(value)
    return {True: "true", False: "false"}.get(value, str(value)) if value != [] else "[]"


def _quoted(text: str) -> str:
    return str(
        yaml.dump(text, Dumper=_DUMPER, default_style='"', width=2**31 - 1, allow_unicode=True)
    ).rstrip("\n")
