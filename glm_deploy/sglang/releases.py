"""The table of upstream releases: every distinct option once, and per release which ones it has.

Releases differ little, so one table of all is a tenth of what their catalogues are alone. It is
JSON with one option on each line: a new release adds lines and changes none.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TABLE = Path(__file__).parent / "catalogues" / "releases.json"

_OPTIONS = '"options": ['


def order(version: str) -> tuple[int, ...]:
    """What sorts releases: 0.5.4 before 0.5.4.post1 before 0.5.10."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def source(version: str) -> str:
    """Where the release can be had."""
    return f"https://pypi.org/project/sglang/{version}/"


def versions() -> tuple[str, ...]:
    """The releases in the table, oldest first."""
    return tuple(_table()[0])


def entries(version: str) -> list[dict[str, Any]]:
    """The options of one release, in its parser's order; KeyError for a release it has not."""
    rows, lines = _table()
    wanted = ",".join(lines[number] for number in _numbers(rows[version]))
    found: list[dict[str, Any]] = json.loads(f"[{wanted}]")
    return found


@cache
def _table() -> tuple[dict[str, str], list[str]]:
    # Cut into lines first: reading all the JSON takes five times as long as one release needs.
    head, _, tail = TABLE.read_text("utf-8").partition(_OPTIONS)
    rows: dict[str, str] = json.loads(head.rstrip().removesuffix(",") + "}")["releases"]
    return rows, [line.removesuffix(",") for line in tail.split("\n")[1:-3]]


def _numbers(row: str) -> Iterable[int]:
    for span in row.split():
        first, _, last = span.partition("-")
        yield from range(int(first), int(last or first) + 1)


def pack(catalogues: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The text of the table for these releases: version -> options as extract.py prints them."""
    lines: dict[str, int] = {}
    rows = {}
    for version in sorted(catalogues, key=order):
        texts = [json.dumps(option) for option in catalogues[version]]
        rows[version] = _spans([lines.setdefault(text, len(lines)) for text in texts])
    head = ",\n".join(f"{json.dumps(v)}: {json.dumps(row)}" for v, row in rows.items())
    return f'{{\n"releases": {{\n{head}\n}},\n{_OPTIONS}\n' + ",\n".join(lines) + "\n]\n}\n"


def _spans(numbers: Sequence[int]) -> str:
    """Numbers as text, runs of consecutive ones drawn together: `0-35 37`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
