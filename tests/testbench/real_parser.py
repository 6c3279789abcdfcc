"""Runs the real argument parser of one unpacked sglang release, on a CPU.

    python real_parser.py RELEASE_DIR judge                argv lists in, verdicts out: JSON lines
    python real_parser.py RELEASE_DIR extract [OPTION…]    glm_deploy/sglang/extract.py on it

To be run by the Python of `.cache/sglang/venv`, which tests/testbench/sglang-parsers.sh makes.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import sglang_shims

EXTRACT = Path(__file__).parents[2] / "glm_deploy" / "sglang" / "extract.py"


class RefusedError(Exception):
    """The parser would have printed this message and exited with status 2."""


class Accepted(BaseException):  # sglang may catch Exception on the way out
    """The parser came to the end; carries its namespace past sglang's further resolution."""

    def __init__(self, namespace: argparse.Namespace) -> None:
        super().__init__()
        self.namespace = namespace


def load_extract() -> Any:
    """Return extract.py as a module, without the package around it and what that needs."""
    spec = importlib.util.spec_from_file_location("extract", EXTRACT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def open_parser() -> Any:
    """Return sglang's `prepare_server_args`, made to raise Accepted or RefusedError."""
    server_args = importlib.import_module("sglang.srt.server_args")

    def refuse(self: argparse.ArgumentParser, message: str) -> NoReturn:
        raise RefusedError(message)

    def accept(namespace: argparse.Namespace) -> NoReturn:
        raise Accepted(namespace)

    argparse.ArgumentParser.error = refuse  # type: ignore[method-assign]
    server_args.ServerArgs.from_cli_args = staticmethod(accept)
    return server_args.prepare_server_args


def verdict(prepare: Any, argv: list[str], json_safe: Any) -> dict[str, Any]:
    """Return what the parser makes of `argv`; the message is argparse's, without usage."""
    try:
        prepare(argv)
    except Accepted as parsed:
        return {"accepted": True, "message": "", "namespace": json_safe(vars(parsed.namespace))}
    except RefusedError as refusal:
        message = str(refusal)
    except (Exception, SystemExit) as surprise:
        # Some of sglang's own actions assert, and --help exits.
        message = f"{type(surprise).__name__}: {surprise}"
    return {"accepted": False, "message": message, "namespace": {}}


def judge() -> None:
    """Answer argv lists from stdin, one verdict per line, until stdin closes."""
    answers = os.fdopen(os.dup(1), "w")
    # sglang prints while it is imported and while it parses; stdout is for verdicts.
    os.dup2(2, 1)
    json_safe = load_extract().json_safe
    prepare = open_parser()
    for line in sys.stdin:
        answers.write(json.dumps(verdict(prepare, json.loads(line), json_safe)) + "\n")
        answers.flush()


def main(release: str, mode: str, *options: str) -> None:
    """Run one mode on the release unpacked at `release`."""
    sys.path.insert(0, release)
    sglang_shims.install()
    if mode == "judge":
        judge()
    elif mode == "extract":
        load_extract().main(list(options))
    else:
        raise SystemExit(f"unknown mode {mode!r}: judge or extract")


if __name__ == "__main__":
    main(*sys.argv[1:])
