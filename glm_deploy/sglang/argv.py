"""Reads an SGLang command line into flags and values, however wrong it may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from glm_deploy.sglang.option import Option

# argparse takes these for values although they begin with a dash.
_NEGATIVE_NUMBER = re.compile(r"-\d+$|-\d*\.\d+$")


@dataclass(frozen=True, slots=True)
class Given:
    """One flag of a command line.

    `written` is the option string as it stands there, without any `=value`; `flag` its canonical
    name, `None` when the engine does not know it; `position` its index in argv.
    """

    written: str
    flag: str | None
    values: tuple[str, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A command line, read: the flags in their order, and the words that belong to none."""

    given: tuple[Given, ...]
    positionals: tuple[str, ...]

    @property
    def unknown(self) -> tuple[Given, ...]:
        """The flags that the engine does not know."""
        return tuple(given for given in self.given if given.flag is None)


def read(
    by_flag: Mapping[str, Option], canonical: Callable[[str], str | None], argv: Sequence[str]
) -> Reading:
    """Read `argv` without judging it.

    Like argparse, an unambiguous beginning of a flag is that flag. A flag nobody knows keeps the
    words that follow it, up to the next flag.
    """
    given: list[Given] = []
    positionals: list[str] = []
    position = 0
    while position < len(argv):
        word = argv[position]
        if word == "--":
            positionals += argv[position + 1 :]
            break
        if not _is_flag(word):
            positionals.append(word)
            position += 1
            continue
        written, equals, value = word.partition("=")
        exact = _completed(by_flag, written)
        if equals:
            values: tuple[str, ...] = (value,)
            taken = 0
        else:
            values = tuple(_values_after(argv, position, _most_values(by_flag.get(exact))))
            taken = len(values)
        given.append(Given(written, canonical(exact), values, position))
        position += 1 + taken
    return Reading(tuple(given), tuple(positionals))


def _is_flag(word: str) -> bool:
    """As argparse tells flags from values: a space makes a value, unless it stands behind `=`."""
    return (
        len(word) > 1
        and word.startswith("-")
        and " " not in word.partition("=")[0]
        and not _NEGATIVE_NUMBER.match(word)
    )


def _completed(by_flag: Mapping[str, Option], written: str) -> str:
    if written in by_flag or not written.startswith("--"):
        return written
    longer = [flag for flag in by_flag if flag.startswith(written)]
    return longer[0] if len(longer) == 1 else written


def _most_values(option: Option | None) -> int | None:
    """How many words may belong to the option; `None` for as many as come."""
    if option is None or option.nargs in {"+", "*"}:
        return None
    if option.takes_no_value:
        return 0
    return option.nargs if isinstance(option.nargs, int) else 1


def _values_after(argv: Sequence[str], position: int, most: int | None) -> Iterator[str]:
    end = len(argv) if most is None else position + 1 + most
    for word in argv[position + 1 : end]:
        if _is_flag(word) or word == "--":
            return
        yield word
