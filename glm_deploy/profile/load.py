"""Lays a profile's layers over each other, validates the result, keeps every value's origin."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from glm_deploy.errors import UsageError
from glm_deploy.model import Origin
from glm_deploy.profile.overrides import Override, as_tree
from glm_deploy.profile.schema import Profile, Section, is_text
from glm_deploy.profile.yaml_tree import Path, Tree, read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_core import ErrorDetails

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


def resolve(ref: str, fetch: Fetch, overrides: Iterable[Override] = ()) -> Resolved:
    """Load the profile that `ref` names: what it extends first, then itself, then `overrides`.

    Maps merge key by key; a list or scalar replaces; null unsets.

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
    return Resolved(_validate(data, origins), origins)


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


def _validate(data: dict[str, Any], origins: dict[Path, Origin]) -> Profile:
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        lines = list(dict.fromkeys(_describe(detail, origins) for detail in error.errors()))
        raise UsageError(
            "\n".join(lines),
            remedy="`glm-deploy profiles --markdown` describes every section and key.",
        ) from None


def _describe(detail: ErrorDetails, origins: dict[Path, Origin]) -> str:
    path = tuple(str(part) for part in detail["loc"])
    known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in origins), ())
    origin = origins.get(known)
    where = (origin.where or origin.name) if origin else "the profile"
    dotted = ".".join(known or path)
    if detail["type"] == "extra_forbidden":
        return f"{where}: {dotted} is not a key of a profile{_nearest(path)}"
    if detail["type"] == "missing":
        return f"the profile has no {'.'.join(path)}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{where}: {dotted} = {detail['input']!r}: {message[:1].lower()}{message[1:]}"


def _nearest(path: Path) -> str:
    """Suggest the closest key of the section, or the section that has the very key."""
    keys = _keys_of(path[:-1])
    close = difflib.get_close_matches(path[-1].replace("-", "_").lstrip("_"), keys, n=1)
    if close:
        return f"; did you mean {'.'.join((*path[:-1], close[0]))}?"
    elsewhere = [s for s, f in Profile.model_fields.items() if path[-1] in _fields(f.annotation)]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}.{path[-1]}?"
    return f"; it may be one of: {', '.join(sorted(keys))}" if keys else ""


def _keys_of(path: Path) -> list[str]:
    section: Any = Profile
    for part in path:
        field = _fields(section).get(part)
        section = field.annotation if field else None
    return list(_fields(section))


def _fields(section: Any) -> dict[str, Any]:
    is_section = isinstance(section, type) and issubclass(section, Section)
    return dict(section.model_fields) if is_section else {}


def default_name(where: str) -> str:
    """The name of a profile file that gives none: its file name without the ending."""
    return PurePath(where).stem
