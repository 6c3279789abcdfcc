"""Heavy libraries are imported only by the commands that need them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from invocation import GOOD_HOST, environment

HEAVY = {"docker", "httpx", "rich", "pynvml", "requests"}
PROGRAM = """
import json, sys
from glm_deploy.cli import run
sys.stdout, stdout = open("/dev/null", "w"), sys.stdout
code = run(sys.argv[1:])
json.dump([code, sorted(sys.modules)], stdout)
"""


def imported_by(*args):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    code, modules = json.loads(done.stdout)
    assert code == 0
    return set(modules)


@pytest.mark.parametrize(
    "args",
    [
        ("--version",),
        ("--help",),
        ("render",),
        ("render", "--format", "json"),
        ("explain", "KV-001"),
        ("explain", "--kv-cache-dtype"),
        ("profiles",),
        ("preflight", "--facts", GOOD_HOST),
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_imported(args):
    assert imported_by(*args) & HEAVY == set()


def test_the_version_alone_reads_no_profile():
    assert imported_by("--version").isdisjoint({"pydantic", "yaml"})


def test_a_command_imports_no_other_commands():
    ours = imported_by("render", "-q")
    commands = {"chat", "deployments", "explain", "preflight", "probe", "profiles", "up"}
    assert "glm_deploy.cli.render" in ours
    assert ours.isdisjoint({f"glm_deploy.cli.{command}" for command in commands})


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_the_heavy_libraries_are_installed_and_would_be_seen(name):
    done = subprocess.run([sys.executable, "-c", f"import {name}"], check=False)
    assert done.returncode == 0
