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
from pathlib import Path
from typing import Any, Iterator, NoReturn  # noqa: UP035  # Python 3.9 in older images

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

# What people name when two captures differ; the distribution's name on the left.
PACKAGES = {
    "torch": "torch",
    "flashinfer": "flashinfer-python",
    "b12x": "b12x",
    "transformers": "transformers",
    "sgl-kernel": "sgl-kernel",
}


class Refused(Exception):  # noqa: N818  # what a parser does
    """An option said no when it was tried."""


class Trial(argparse.ArgumentParser):
    """A parser that raises what it would have printed."""

    def error(self, message: str) -> NoReturn:
        """Raise Refused instead of ending the process."""
        raise Refused(message)


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


def effect(action: argparse.Action) -> dict[str, Any]:
    """Return what an action class of sglang's own does, by trying it: refuse, or set a constant.

    The same class name refuses in one release and only warns in another.
    """
    value: Any = [] if action.nargs in (0, "*", "+") else "tried"
    namespace = argparse.Namespace()
    try:
        action(Trial(add_help=False), namespace, value, action.option_strings[-1])
    except Refused as refused:
        return {"refuses": str(refused)}
    except Exception as error:
        return {"refuses": f"{type(error).__name__}: {error}"}
    found = getattr(namespace, action.dest, None)
    return {} if found is None or found == value else {"const": json_safe(found)}


def successor(action: argparse.Action) -> str | None:
    """Return what a deprecated option tells people to write instead, if it names a flag."""
    named = getattr(action, "new_flag", None)
    if named or not re.search("deprecated|removed", action.help or "", re.IGNORECASE):
        return str(named) if named else None
    pattern = r"(?:use|set|alias for)\s+`?(--[a-z0-9-]+(?:=[\w-]+)?)"
    found = re.search(pattern, str(action.help), re.IGNORECASE)
    return found[1] if found else None


def json_keys(action: argparse.Action) -> dict[str, Any]:
    """Return what a JSON-valued option allows inside: keys by phase, and a backend it refuses."""
    names = getattr(action.type, "__globals__", {})
    allowed = names.get("ALLOWED_KEYS_PER_PHASE")
    if allowed is None or getattr(action.type, "__name__", "") != "parse_cuda_graph_config_arg":
        return {}
    retired = []
    try:
        action.type('{"decode": {"backend": "tc_piecewise"}}')  # type: ignore[operator, misc]
    except argparse.ArgumentTypeError:
        retired.append("tc_piecewise")
    return {"keys": json_safe(allowed), "retired": retired or None}


def describe(action: argparse.Action) -> dict[str, Any]:
    """Return one option as a catalogue entry; keys at their usual value are left out."""
    class_name = type(action).__name__
    name = ACTION_NAMES.get(class_name, class_name)
    own = name == class_name and name != "BooleanOptionalAction"
    help_text = action.help or ""
    deprecated = (
        class_name.startswith("Deprecated")
        or getattr(action, "deprecated", False)
        or re.match(r"\W*deprecated", help_text, re.IGNORECASE) is not None
    )
    entry = {
        "flags": list(action.option_strings),
        "dest": action.dest,
        "action": name,
        "type": getattr(action.type, "__name__", None) or (action.type and str(action.type)),
        "nargs": None if name in TAKES_NO_VALUE else action.nargs,
        "const": None if own or name in TAKES_NO_VALUE[:2] else action.const,
        "choices": None if action.choices is None else json_safe(action.choices),
        "default": json_safe(action.default),
        "required": action.required,
        "deprecated": deprecated,
        "successor": successor(action) if deprecated else None,
        "hidden": help_text == argparse.SUPPRESS,
        **json_keys(action),
        **(effect(action) if own else {}),
    }
    kept = {key: value for key, value in entry.items() if value is not None and value is not False}
    # A switch is off when left out, another option None; only what departs from that is noted.
    usual = False if name == "store_true" else None
    if action.default is not usual and action.default in (None, False):
        kept["default"] = action.default
    return kept


def describe_parser(parser: argparse.ArgumentParser) -> list[dict[str, Any]]:
    """Return every option of `parser` in its own order, except argparse's -h."""
    return [
        describe(action)
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
    ]


def commit(package: Path) -> str | None:
    """Return the git commit that the installed sglang was built from, where something says it.

    The build may note it in `_version.py`, the installer in `direct_url.json`, and an image that
    installs from a clone still has its `.git`.
    """
    with contextlib.suppress(Exception):
        found = importlib.import_module("sglang._version").__commit_id__
        if found:
            return str(found).removeprefix("g")
    with contextlib.suppress(Exception):
        text = importlib.metadata.distribution("sglang").read_text("direct_url.json") or "{}"
        return str(json.loads(text)["vcs_info"]["commit_id"])
    # sglang's own clone has the package in python/sglang; another clone around it says nothing.
    if package.parent.name == "python":
        with contextlib.suppress(OSError):
            git = package.parents[1] / ".git"
            head = (git / "HEAD").read_text("utf-8").strip()
            name = head.rpartition(" ")[2]
            return head if name == head else (git / name).read_text("utf-8").strip()
    return None


def versions() -> dict[str, Any]:
    """Return the versions of what matters beside the parser; None for what cannot be told."""
    found: dict[str, Any] = {"python": sys.version.split()[0]}
    for name, distribution in PACKAGES.items():
        found[name] = None
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(distribution)
    found.update(commit=None, cuda=None, arch_list=None)
    with contextlib.suppress(Exception):
        found["commit"] = commit(Path(importlib.import_module("sglang").__path__[0]))
    with contextlib.suppress(Exception):
        torch: Any = importlib.import_module("torch")
        found["torch"] = str(torch.__version__)
        found["cuda"] = torch.version.cuda
        # torch.cuda.get_arch_list() is empty where no GPU is visible; the build's own list is not.
        arches = torch._C._cuda_getArchFlags() if torch.version.cuda else None
        found["arch_list"] = arches.split() if arches else None
    return found


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
    arguments.add_argument("--versions", action="store_true", help="add what is installed beside")
    chosen = arguments.parse_args(argv)
    with stdout_on_stderr():
        options = describe_parser(build_parser())
        beside = {"versions": versions()} if chosen.versions else {}
    version = importlib.metadata.version("sglang")
    catalogue = {
        "name": chosen.name or version,
        "engine": "sglang",
        "version": version,
        "source": chosen.source or f"parser of the installed sglang {version}",
        **beside,
        "options": options,
    }
    sys.stdout.write(to_json(catalogue))


if __name__ == "__main__":
    main()
