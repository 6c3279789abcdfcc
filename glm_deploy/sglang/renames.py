"""Renames on record: flags that vanished without their parser saying what to write instead."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container

DATA = Path(__file__).with_suffix(".json")


def known_successor(flag: str, known: Container[str]) -> tuple[str | None, str | None]:
    """What stands on record for `flag`, and the source of that.

    A flag counts only where it is among the `known` ones; a variable, or a word of explanation,
    wherever the old flag is gone.
    """
    record = records().get(flag)
    if record is None:
        return None, None
    successor = str(record["successor"])
    counts = successor in known or not successor.startswith("--")
    return (successor, str(record["source"])) if counts else (None, None)


@cache
def records() -> dict[str, Any]:
    """Flag -> its successor and the source of that."""
    data: dict[str, Any] = json.loads(DATA.read_text("utf-8"))
    return data
