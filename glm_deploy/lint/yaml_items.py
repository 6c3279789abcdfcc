"""Reads any YAML into items that know their place; anchors and merges allowed, bombs refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from glm_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.lint.words import Lines

# Manifests are a few pages. Aliases can make a few lines stand for billions of items.
MAX_ITEMS = 50_000
MAX_DEPTH = 60

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Item:
    """A map (`entries`), a list (`items`) or a scalar (`text`; `None` is null).

    `at` is the offset of the value, `key_at` of the key in front of it, if there is one.
    """

    at: int
    key_at: int
    text: str | None = None
    entries: dict[str, Item] | None = None
    items: list[Item] | None = None

    def get(self, *path: str) -> Item | None:
        """The item that `path` leads to through maps, or `None`; a null is `None` too."""
        item: Item | None = self
        for key in path:
            item = item.entries.get(key) if item and item.entries is not None else None
        if item and item.text is None and item.entries is None and item.items is None:
            return None
        return item

    def scalar(self, *path: str) -> str | None:
        """The text of the scalar at `path`, or `None`."""
        item = self.get(*path)
        return item.text if item else None

    def each(self, *path: str) -> list[Item]:
        """The items of the list at `path`; none where there is no list."""
        item = self.get(*path)
        return item.items or [] if item else []

    def pairs(self, *path: str) -> list[tuple[str, Item]]:
        """The entries of the map at `path`; none where there is no map."""
        item = self.get(*path)
        return list(item.entries.items()) if item and item.entries else []


def read_items(text: str, lines: Lines, where: str) -> list[Item]:
    """Every document of the text.

    Raises:
        UsageError: it is not YAML, nests too deep, or its aliases multiply beyond all measure.
    """
    try:
        _check_depth(text, where)
        builder = _Builder(lines, where)
        return [builder.item(node, node, 0) for node in _nodes(text) if node is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise UsageError(
            f"{where}{at}: not valid YAML: {problem}", remedy="Correct the YAML at that line."
        ) from None


def _nodes(text: str) -> Iterator[Any]:
    yield from yaml.compose_all(text, Loader=_LOADER)


def _check_depth(text: str, where: str) -> None:
    """Composing recurses for each level, so the depth is looked at first, in events."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _refusal(where, f"nests more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _refusal(where: str, reason: str) -> UsageError:
    return UsageError(f"{where} {reason}", remedy="Give the part with the launch alone.")


class _Builder:
    def __init__(self, lines: Lines, where: str) -> None:
        self.lines = lines
        self.where = where
        self.count = 0

    def item(self, node: yaml.Node, key: yaml.Node, depth: int) -> Item:
        self.count += 1
        if self.count > MAX_ITEMS or depth > MAX_DEPTH:
            raise _refusal(self.where, f"stands for more than {MAX_ITEMS:,} items (aliases?)")
        item = Item(self._at(node), self._at(key))
        if isinstance(node, yaml.MappingNode):
            item.entries = self._entries(node, depth)
        elif isinstance(node, yaml.SequenceNode):
            item.items = [self.item(child, child, depth + 1) for child in node.value]
        elif node.tag != "tag:yaml.org,2002:null":
            item.text = str(node.value)
        return item

    def _entries(self, node: yaml.MappingNode, depth: int) -> dict[str, Item]:
        merged: dict[str, Item] = {}
        own: dict[str, Item] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value != "<<":
                own[key.value] = self.item(value, key, depth + 1)
                continue
            bases = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for base in bases:
                for name, item in (self.item(base, key, depth + 1).entries or {}).items():
                    merged.setdefault(name, item)
        return merged | own

    def _at(self, node: yaml.Node) -> int:
        mark = node.start_mark
        at = self.lines.offset(mark.line, mark.column)
        quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
        return at + 1 if quoted else at
