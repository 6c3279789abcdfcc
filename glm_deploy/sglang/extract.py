"""Prints the command line options of the sglang installed beside this Python, as a catalogue.

Self-contained and free of dependencies, so that it also runs inside an image we did not build:
`docker run --rm -i IMAGE python3 - --name NAME < extract.py`, with Python 3.9 or newer.
"""

from __future__ import annotations

import argparse
import contextlib
import enum
import importlib.metadata
import json
import math
import os
import re
import sys
from typing import Any, Iterator  # noqa: UP035  # Python 3.9 in older images

# argparse's own action classes, by the names that add_argument() takes.
ACTION_NAMES = {
    "_StoreAction": "store",
    "_StoreConstAction": "store_const",
    "_StoreTrueAction": "store_true",
    "_StoreFalseAction": "store_false",
    "_AppendAction": "append",
    "_AppendConstAction": "append_const",
    "_ExtendAction": "extend",
    "_CountAction": "count",
}
# These fix nargs, and the first two const as well; saying so again would only be noise.
TAKES_NO_VALUE = ("store_true", "store_false", "store_const", "append_const", "count")


@contextlib.contextmanager
def stdout_on_stderr() -> Iterator[None]:
    """Send all that this process prints, native code included, to stderr meanwhile."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser `python3 -m sglang.launch_server` would use; ImportError without sglang."""
    # Types of sglang are unknown here on purpose: the package is no dependency of ours.
    server_args: Any = importlib.import_module("sglang.srt.server_args")
    parser = argparse.ArgumentParser(prog="sglang serve")
    server_args.ServerArgs.add_cli_args(parser)
    return parser


def json_safe(value: Any) -> Any:
    """Return `value` as something JSON can hold; sets come back sorted, unknown types as text."""
    if isinstance(value, enum.Enum):
        return json_safe(value.value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((json_safe(item) for item in value), key=str)
    if isinstance(value, (list, tuple, range)):
        return [json_safe(item) for item in value]
    return str(value)


def describe(action: argparse.Action) -> dict[str, Any]:
    """Return one option as a catalogue entry; keys that would be None or False are left out."""
    class_name = type(action).__name__
    name = ACTION_NAMES.get(class_name, class_name)
    help_text = action.help or ""
    entry = {
        "flags": list(action.option_strings),
        "dest": action.dest,
        "action": name,
        "type": getattr(action.type, "__name__", None) or (action.type and str(action.type)),
        "nargs": None if name in TAKES_NO_VALUE else action.nargs,
        # sglang's DeprecatedStoreConstAction keeps its constant under a name of its own.
        "const": None
        if name in TAKES_NO_VALUE[:2]
        else getattr(action, "const_value", action.const),
        "choices": None if action.choices is None else json_safe(action.choices),
        "default": json_safe(action.default),
        "required": action.required,
        "deprecated": class_name.startswith("Deprecated")
        or getattr(action, "deprecated", False)
        or re.match(r"\W*deprecated", help_text, re.IGNORECASE) is not None,
        "hidden": help_text == argparse.SUPPRESS,
    }
    return {key: value for key, value in entry.items() if value is not None and value is not False}


def describe_parser(parser: argparse.ArgumentParser) -> list[dict[str, Any]]:
    """Return every option of `parser` in its own order, except argparse's -h."""
    return [
        describe(action)
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
    ]


def to_json(catalogue: dict[str, Any]) -> str:
    """Return the catalogue as JSON with one option on each line, so that two compare well."""
    head = [f"{json.dumps(k)}: {json.dumps(v)}," for k, v in catalogue.items() if k != "options"]
    options = ",\n".join(json.dumps(option) for option in catalogue["options"])
    return "\n".join(["{", *head, '"options": [', options, "]", "}", ""])


def main(argv: list[str] | None = None) -> None:
    """Print the catalogue of the importable sglang to stdout."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--name", help="what to call the catalogue (default: the version)")
    arguments.add_argument("--source", help="where this sglang comes from, for people to look up")
    chosen = arguments.parse_args(argv)
    with stdout_on_stderr():
        options = describe_parser(build_parser())
    version = importlib.metadata.version("sglang")
    catalogue = {
        "name": chosen.name or version,
        "engine": "sglang",
        "version": version,
        "source": chosen.source or f"parser of the installed sglang {version}",
        "options": options,
    }
    sys.stdout.write(to_json(catalogue))


if __name__ == "__main__":
    main()
