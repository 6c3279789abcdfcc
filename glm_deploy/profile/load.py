"""Lays a profile's layers over each other, validates the result, keeps every value's origin."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Protocol

from glm_deploy import __version__
from glm_deploy.errors import UsageError
from glm_deploy.model import Origin
from glm_deploy.profile.overrides import Override, as_tree
from glm_deploy.profile.paths import is_text
from glm_deploy.profile.view import view
from glm_deploy.profile.yaml_tree import Path, Tree, read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from glm_deploy.profile.schema import Profile

    # Gives the text of the profile that `extends` names, seen from the document that names it.
    Fetch = Callable[[str, "Document | None"], "Document"]


@dataclass(frozen=True, slots=True)
class Document:
    """The text of one profile file, and `where`: the name that errors and comments give it."""

    name: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A validated profile and, for the path of every value in it, where that value came from."""

    profile: Profile
    origins: dict[Path, Origin]

    def origin(self, *path: str) -> Origin:
        """The origin of the value at `path`, or of the nearest section around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return Origin("profile", self.profile.name, "schema default")


class Memory(Protocol):
    """Remembers validated data between runs; it may forget at any time."""

    def get(self, key: str) -> str | None:
        """What was put under `key`, or `None`."""

    def put(self, key: str, text: str) -> None:
        """Remember `text` under `key`."""


def resolve(
    ref: str, fetch: Fetch, overrides: Iterable[Override] = (), memory: Memory | None = None
) -> Resolved:
    """Load the profile that `ref` names: what it extends first, then itself, then `overrides`.

    Maps merge key by key; a list or scalar replaces; null unsets. With a `memory` data that was
    found valid before is not validated again.

    Raises:
        UsageError: a document is not YAML, extends itself, or the result breaks the schema.
    """
    data: dict[str, Any] = {}
    origins: dict[Path, Origin] = {}
    for document, tree in reversed(_chain(ref, fetch)):
        tree.data.setdefault("name", document.name)
        _merge(data, tree.data, (), origins, partial(_line_origin, document, tree.lines))
    for override in overrides:
        _merge(data, as_tree(override), (), origins, partial(_override_origin, override))
    return Resolved(view(_validated(data, origins, memory)), origins)


def _line_origin(document: Document, lines: dict[Path, int], path: Path) -> Origin:
    line = f":{lines[path]}" if path in lines else ""
    return Origin("profile", document.name, f"{document.where}{line}")


def _override_origin(override: Override, _: Path) -> Origin:
    return override.origin


def _chain(ref: str, fetch: Fetch) -> list[tuple[Document, Tree]]:
    """The profile that `ref` names and everything it extends, the most basic one last."""
    chain: list[tuple[Document, Tree]] = []
    next_ref: Any = ref
    while next_ref is not None:
        document = fetch(next_ref, chain[-1][0] if chain else None)
        seen = [earlier.where for earlier, _ in chain]
        if document.where in seen:
            raise UsageError(
                f"profiles extend each other in a circle: {' -> '.join([*seen, document.where])}",
                remedy="Remove one of the `extends`.",
            )
        tree = _read(document)
        chain.append((document, tree))
        next_ref = tree.data.get("extends")
        if next_ref is not None and not isinstance(next_ref, str):
            raise UsageError(
                f"{document.where}: extends must name one profile",
                remedy="For example: extends: sm120-tp8",
            )
    return chain


def _read(document: Document) -> Tree:
    tree = read_yaml(document.text, document.where, is_text)
    if not isinstance(tree.data, dict):
        raise UsageError(
            f"{document.where} is not a profile: it holds no map of sections",
            remedy="Start from a shipped one: `extends: sm120-tp8`.",
        )
    return tree


def _merge(
    into: dict[str, Any],
    layer: dict[str, Any],
    at: Path,
    origins: dict[Path, Origin],
    origin_of: Callable[[Path], Origin],
) -> None:
    for key, value in layer.items():
        path = (*at, key)
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value, path, origins, origin_of)
            continue
        for stale in [p for p in origins if p[: len(path)] == path]:
            del origins[stale]
        into[key] = value
        _note(value, path, origins, origin_of)


def _note(
    value: Any, path: Path, origins: dict[Path, Origin], origin_of: Callable[[Path], Origin]
) -> None:
    origins[path] = origin_of(path)
    if isinstance(value, dict):
        for key, item in value.items():
            _note(item, (*path, key), origins, origin_of)


def _validated(
    data: dict[str, Any], origins: dict[Path, Origin], memory: Memory | None
) -> dict[str, Any]:
    """The data with every key present and every value normalised, as the schema gives it.

    Loading pydantic and compiling the schema takes longer than all the rest of `render`, and the
    same data always validates to the same result: so what was validated once is remembered.
    """
    key = hashlib.sha256(f"{_fingerprint()}{json.dumps(data, sort_keys=True)}".encode()).hexdigest()
    remembered = _read_back(memory.get(key) if memory else None)
    # A file that was cut or tampered with is as good as forgotten.
    if remembered.keys() >= data.keys():
        return remembered
    from glm_deploy.profile.validate import validate

    result = validate(data, origins)
    if memory:
        memory.put(key, json.dumps(result))
    return result


def _read_back(text: str | None) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        value = json.loads(text or "")
        return value if isinstance(value, dict) else {}
    return {}


def _fingerprint() -> str:
    """What the result of a validation depends on besides the data: the schema's own text."""
    schema = FilePath(__file__).with_name("schema.py").read_bytes()
    return f"{__version__}:{hashlib.sha256(schema).hexdigest()}:"


def default_name(where: str) -> str:
    """The name of a profile file that gives none: its file name without the ending."""
    return FilePath(where).stem
