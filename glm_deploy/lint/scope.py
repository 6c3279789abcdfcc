"""The variables of a script while it is read: what is assigned in it, and nothing from outside."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glm_deploy.lint.words import Variable, Word, joined

if TYPE_CHECKING:
    from collections.abc import Iterable

ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(.*)", re.DOTALL)

# Values may hold other values. A document that needs more characters than this to be written out
# is no command but an attack: what is left stays as it is written.
BUDGET_CHARACTERS = 500_000


@dataclass(slots=True)
class Scope:
    """Variables assigned so far, arrays among them, and those that are exported."""

    values: dict[str, Word] = field(default_factory=dict)
    arrays: dict[str, tuple[Word, ...]] = field(default_factory=dict)
    exported: dict[str, int] = field(default_factory=dict)
    export_all: bool = False
    budget: int = BUDGET_CHARACTERS

    def assign(self, word: Word, name: str, operator: str) -> None:
        """Take an assignment that `split` found in `word`."""
        value = self.resolve(word)
        if operator == "+=" and name in self.values:
            before = self.values[name]
            if self._afford(before.parts):
                value = Word(joined((*before.parts, *value.parts)), word.at)
        self.values[name] = value
        if self.export_all:
            self.exported[name] = word.at

    def environment(self) -> dict[str, Word]:
        """The exported variables with their values."""
        return {name: self.values[name] for name in self.exported if name in self.values}

    def resolve(self, word: Word) -> Word:
        """The word with every variable replaced that this text itself assigns."""
        if not word.open:
            return word
        parts: list[str | Variable] = []
        for part in word.parts:
            new = (part,) if isinstance(part, str) else self._parts(part)
            parts += new if self._afford(new) else (part,)
        return Word(joined(parts), word.at, word.quoted)

    def fields(self, word: Word) -> list[Word]:
        """The words that a word becomes: arrays and unquoted variables are split as a shell does.

        A variable that nobody assigns stays one word, as it is written.
        """
        if not word.open:
            return [word]
        if len(word.parts) == 1 and isinstance(word.parts[0], Variable):
            variable = word.parts[0]
            array = self.arrays.get(variable.name)
            if array is not None and self._afford([word.text for word in array]):
                return list(array) if variable.array else list(array[:1])
            resolved = self.resolve(word)
            if not variable.quoted and not resolved.open:
                return [Word((text,), word.at) for text in resolved.text.split()]
            return [resolved]
        return [self.resolve(word)]

    def _parts(self, variable: Variable) -> tuple[str | Variable, ...]:
        if variable.name in self.values:
            return self.values[variable.name].parts
        if variable.name in self.arrays:
            return (" ".join(word.text for word in self.arrays[variable.name]),)
        if variable.name and variable.default is not None:
            return (variable.default,)
        return (variable,)

    def _afford(self, parts: Iterable[str | Variable]) -> bool:
        size = sum(len(p) if isinstance(p, str) else len(p.written) for p in parts)
        if size > self.budget:
            return False
        self.budget -= size
        return True


def split_assignment(word: Word) -> tuple[str, str, Word] | None:
    """The name, the operator (`=`, `+=`) and the value of an assignment, or `None`."""
    if not word.parts or not isinstance(word.parts[0], str):
        return None
    match = ASSIGNMENT.fullmatch(word.parts[0])
    if match is None:
        return None
    value = Word((match[3], *word.parts[1:]), word.at, word.quoted)
    return match[1], match[2], value
