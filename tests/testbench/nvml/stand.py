"""Runs the real probe in a process of its own whose loader finds nvml.c instead of a driver."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from glm_deploy.facts import Facts, parse_facts

if TYPE_CHECKING:
    from testbench.nvml.rigs import Rig

SONAME = "libnvidia-ml.so.1"
_SOURCE = Path(__file__).with_name("nvml.c")
_PROBE = "from glm_deploy.host.probe import probe; print(probe().model_dump_json())"


class NvmlStand:
    """Probes rigs; `folder` keeps the libraries it compiles. Needs a C compiler called `cc`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def probe(self, rig: Rig | None) -> Facts:
        """The facts of a host built like `rig`, or of one without NVML."""
        return parse_facts(self.run(_PROBE, rig).stdout, "the probe's output")

    def calls(self, rig: Rig) -> list[str]:
        """The NVML functions that a probe of `rig` calls, in order."""
        journal = self._folder / "journal"
        journal.unlink(missing_ok=True)
        self.run(_PROBE, rig, {"GLM_DEPLOY_TEST_RIG_JOURNAL": str(journal)})
        return journal.read_text().splitlines()

    def run(
        self, code: str, rig: Rig | None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python code on a host built like `rig`; the code has to succeed."""
        return subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | self.environment(rig) | (env or {}),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    def environment(self, rig: Rig | None) -> dict[str, str]:
        """The variables that put a process on a host built like `rig`."""
        if rig is None:
            return {"LD_LIBRARY_PATH": str(self._no_library())}
        description = self._folder / "rig"
        description.write_text(rig.text())
        return {
            "LD_LIBRARY_PATH": str(self._library(rig.without)),
            "GLM_DEPLOY_TEST_RIG": str(description),
        }

    def _library(self, without: frozenset[str]) -> Path:
        folder = self._folder / "-".join(["nvml", *sorted(without)])
        if not (folder / SONAME).exists():
            folder.mkdir(exist_ok=True)
            # A function under another name is one that the loader does not find.
            renamed = [f"-D{name}=absent_{name}" for name in sorted(without)]
            flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
            output = [f"-Wl,-soname,{SONAME}", "-o", str(folder / SONAME)]
            subprocess.run(["cc", *flags, *renamed, *output, str(_SOURCE)], check=True)
        return folder

    def _no_library(self) -> Path:
        """A file the loader refuses stops its search, even where a real driver is installed."""
        folder = self._folder / "no-nvml"
        folder.mkdir(exist_ok=True)
        (folder / SONAME).touch()
        return folder
