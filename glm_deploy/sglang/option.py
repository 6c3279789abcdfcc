"""One option of SGLang's command line, and what its parser says when it refuses a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class ArgvRefused(Exception):  # noqa: N818  # what the engine's parser does, in its own words
    """The engine's parser would refuse the command; the message is argparse's own."""


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One option as argparse knows it.

    `action` is the name that `add_argument` takes, or a class of SGLang's own such as
    `DeprecatedAction`; `type` is the name of the function that converts a value.
    """

    flags: tuple[str, ...]
    dest: str
    action: str = "store"
    type: str | None = None
    nargs: int | str | None = None
    const: Any = None
    choices: tuple[Any, ...] | None = None
    default: Any = None
    required: bool = False
    deprecated: bool = False
    hidden: bool = False

    @property
    def takes_no_value(self) -> bool:
        """Whether the flag stands alone."""
        return self.nargs == 0 or self.action in {"store_true", "store_false", "store_const"}
