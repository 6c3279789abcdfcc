"""Takes API keys out of what the engine logs: it prints every argument it was started with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# `server_args=ServerArgs(…, api_key='…', …)`, in every release; the value is a Python literal.
_KEY = re.compile(
    r"""(\b\w*api_key=)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""",
)
HIDDEN = r"\1'***'"


def redacted(pieces: Iterable[str]) -> Iterator[str]:
    """The same log without its keys.

    A piece is handed on up to its last line break: a key may be cut in two by what follows.
    """
    rest = ""
    for piece in pieces:
        text = rest + piece
        cut = max(text.rfind("\n"), text.rfind("\r")) + 1
        rest = text[cut:]
        if cut:
            yield _KEY.sub(HIDDEN, text[:cut])
    if rest:
        yield _KEY.sub(HIDDEN, rest)
