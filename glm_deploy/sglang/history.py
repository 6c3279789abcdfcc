"""One option string through all releases: since when, until when, with which choices."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from glm_deploy.sglang import releases
from glm_deploy.sglang.catalogue import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.sglang.option import Option


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring releases, first and last, in which the flag is the same; `None`: not there."""

    first: str
    last: str
    option: Option | None


def history(flag: str) -> tuple[Span, ...]:
    """The spans of a flag over every release, oldest first."""
    found = [(version, load(version).find(flag)) for version in releases.versions()]
    return tuple(_spans(found))


def _spans(found: list[tuple[str, Option | None]]) -> Iterator[Span]:
    for _, group in groupby(found, key=lambda pair: _face(pair[1])):
        members = list(group)
        yield Span(members[0][0], members[-1][0], members[-1][1])


def _face(option: Option | None) -> Any:
    """What makes two options the same to the one who writes the flag."""
    if option is None:
        return None
    return (option.flags, option.choices, str(option.shown_default), option.type, option.nargs,
            option.deprecated, option.refuses)  # fmt: skip
