"""Reads YAML into plain data and remembers the line of every key, by the YAML 1.2 core rules."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from glm_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Path = tuple[str, ...]

# A profile is a page of text: more than this is a mistake.
MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 50


class _CoreLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.2 core scalars: `no` and `on` are words, only true/false are booleans."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 PyYAML reads this class attribute


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    _CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first)
    )


# PyYAML's own constructors follow YAML 1.1, where 010 is eight.
_CONSTRUCT: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": int,
    "float": float,
    "str": str,
}


_UNPASSABLE = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tree:
    """Plain data (maps, lists, scalars) and, for each path in it, its line (from 1)."""

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)


def read_yaml(text: str, where: str, is_text: Callable[[Path], bool]) -> Tree:
    """Parse one YAML document.

    `where` names the text in errors. Scalars at paths for which `is_text` holds stay exactly the
    text that was written (`1e5` stays `1e5`).

    Raises:
        UsageError: the text is not YAML, repeats a key, or is far too large or deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"{where} is {len(text):,} characters long; a profile is at most {MAX_CHARACTERS:,}",
            remedy="Check that this is the profile you meant.",
        )
    try:
        _refuse_depth_and_aliases(text, where)
        loader = _CoreLoader(text)
        try:
            node = loader.get_single_node()
            builder = _Builder(where, is_text)
            return Tree(builder.build(node, ()) if node else None, builder.lines)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise UsageError(_explain(error, where), remedy="Correct the YAML at that line.") from None


def _refuse_depth_and_aliases(text: str, where: str) -> None:
    """Composing recurses per level, and aliases can multiply or loop: both are seen here first."""
    depth = 0
    for event in yaml.parse(text, Loader=_CoreLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise UsageError(
                    f"{where} nests more than {MAX_DEPTH} levels deep",
                    remedy="A profile is at most six levels deep; check the brackets.",
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise UsageError(
                f"{where}:{_line(event)}: aliases (*{event.anchor}) are not allowed",
                remedy="Write the value out, or put shared values into a profile and extend it.",
            )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _explain(error: yaml.YAMLError, where: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"{where}:{mark.line + 1}:{mark.column + 1}: not valid YAML: {error.problem}"
    return f"{where}: not valid YAML: {error}"


class _Builder:
    """Turns composed nodes into data, noting lines as it goes."""

    def __init__(self, where: str, is_text: Callable[[Path], bool]) -> None:
        self.where = where
        self.is_text = is_text
        self.lines: dict[Path, int] = {}

    def build(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            self._kind(node, ["map"])
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._kind(node, ["seq"])
            return [self.build(item, (*path, str(i))) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise UsageError(
                    f"{self.where}:{line}: a key must be plain text",
                    remedy="Use `key: value` with a word as the key.",
                )
            self._refuse_unpassable(key_node)
            key = key_node.value
            if key in result:
                first = self.lines[(*path, key)]
                raise UsageError(
                    f"{self.where}:{line}: {'.'.join((*path, key))} is set twice, "
                    f"first at line {first}",
                    remedy="Keep one of the two.",
                )
            self.lines[(*path, key)] = line
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        kind = self._kind(node, _CONSTRUCT)
        self._refuse_unpassable(node)
        if self.is_text(path) and kind != "null":
            return node.value
        try:
            return _CONSTRUCT[kind](node.value)
        except (KeyError, ValueError):
            raise UsageError(
                f"{self.where}:{_line(node)}: {node.value[:40]!r} cannot be read as {kind}",
                remedy="Quote the value if it is meant as text.",
            ) from None

    def _refuse_unpassable(self, node: yaml.Node) -> None:
        """NUL ends an argument of execve(2), and lone surrogates have no UTF-8 form."""
        if _UNPASSABLE.search(node.value):
            raise UsageError(
                f"{self.where}:{_line(node)}: {node.value[:40]!r} holds a character that no "
                "command line can carry",
                remedy="Remove the NUL character or the lone surrogate.",
            )

    def _kind(self, node: yaml.Node, kinds: Iterable[str]) -> str:
        """What the node's tag says it is, one of `kinds`."""
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if kind not in kinds:
            raise UsageError(
                f"{self.where}:{_line(node)}: the tag {node.tag} is not allowed",
                remedy="A profile is plain data; remove the tag.",
            )
        return kind
