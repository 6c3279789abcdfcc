"""One option of SGLang's command line, and what its parser says when it refuses a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# argparse.SUPPRESS, which a deprecated alias has for a default: it leaves its target alone.
SUPPRESS = "==SUPPRESS=="


class ArgvRefused(Exception):  # noqa: N818  # what the engine's parser does, in its own words
    """The engine's parser would refuse the command; the message is argparse's own."""


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One option as argparse knows it.

    `action` is the name that `add_argument` takes, or a class of SGLang's own such as
    `DeprecatedAction`; `type` is the name of the function that converts a value. `successor` is
    what a deprecated option says to write instead, `refuses` the message of one that ends the
    launch. A JSON object may hold `keys` by phase, and none of the `retired` backends.
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
    successor: str | None = None
    refuses: str | None = None
    keys: Mapping[str, Sequence[str]] | None = None
    retired: tuple[str, ...] = ()

    @property
    def shown_default(self) -> Any:
        """The value without the flag; None also where the flag then sets nothing at all."""
        return None if self.default == SUPPRESS else self.default

    @property
    def takes_no_value(self) -> bool:
        """Whether the flag stands alone."""
        return self.nargs == 0 or self.action in {"store_true", "store_false", "store_const"}
