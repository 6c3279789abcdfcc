"""Runs the command line: in this process for speed, or as the process that a shell would start."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from glm_deploy.cli import run

CHECKOUT = Path(__file__).parents[2]
FACTS = CHECKOUT / "tests" / "facts"
GOOD_HOST = str(FACTS / "rtx-pro-6000-x8.json")
FORMATS = ("compose", "docker-run", "shell", "json")

# What the tool remembers between runs stays out of the home of whoever runs the tests.
_CACHE = tempfile.TemporaryDirectory(prefix="glm-deploy-tests-")


class Outcome(NamedTuple):
    """How a command ended, and what it wrote to stdout and stderr."""

    code: int
    out: str
    err: str


def environment(**changes: str) -> dict[str, str]:
    """This environment without any setting of the tool, a cache of its own, and `changes`."""
    ours = ("GLM_DEPLOY", "NO_COLOR", "XDG_CACHE_HOME")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "XDG_CACHE_HOME": _CACHE.name, **changes}


def glm(*args: str, stdin: str = "", **environ: str) -> Outcome:
    """Run `glm-deploy` with these arguments in this process."""
    out, err = io.StringIO(), io.StringIO()
    typed = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    with (
        patch.dict(os.environ, environment(**environ), clear=True),
        patch.object(sys, "stdin", typed),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = run(args)
    return Outcome(code, out.getvalue(), err.getvalue())


def process(*args: str, environ: dict[str, str] | None = None, **kwargs: Any) -> Outcome:
    """Run `glm-deploy` with these arguments as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "glm_deploy", *args],
        env=environment(**(environ or {})),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **kwargs,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
