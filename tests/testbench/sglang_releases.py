"""Talks to the real parser of an unpacked sglang release; `real_parser.py` is the other end."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import Any, NamedTuple

from testbench.parts import CHECKOUT, requires

SGLANG = CHECKOUT / ".cache" / "sglang"
PYTHON = SGLANG / "venv" / "bin" / "python"
SCRIPT = CHECKOUT / "tests" / "testbench" / "real_parser.py"


class Verdict(NamedTuple):
    """What sglang's parser made of one argv; `message` is argparse's, "" when accepted."""

    accepted: bool
    message: str
    namespace: dict[str, Any]


def command(version: str, mode: str, *options: str) -> list[str]:
    """Return the argv that runs one mode of real_parser.py on release `version`."""
    release = SGLANG / version
    requires(
        f"sglang {version} unpacked",
        f"tests/testbench/sglang-parsers.sh {version}",
        present=PYTHON.exists() and release.is_dir(),
    )
    return [str(PYTHON), str(SCRIPT), str(release), mode, *options]


def environment() -> dict[str, str]:
    """Return an environment in which sglang reads no setting of the developer and no network."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SGLANG_", "PYTHON"))}
    return {**kept, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}


def extract(version: str) -> str:
    """Return the catalogue text of release `version`, read from its parser now."""
    source = f"https://pypi.org/project/sglang/{version}/"
    argv = command(version, "extract", "--source", source)
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


class RealParser:
    """The parser of one release, in a process that stays: importing sglang takes 5 to 7 s."""

    def __init__(self, version: str) -> None:
        argv = command(version, "judge")
        # A file and not a pipe: sglang is talkative, and nobody reads a pipe meanwhile.
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by close()
        self._process = subprocess.Popen(
            argv,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )

    def judge(self, list_of_argv: list[list[str]]) -> list[Verdict]:
        """Return one verdict per argv, each without the program's name, in the same order."""
        return [self._judge_one(argv) for argv in list_of_argv]

    def _judge_one(self, argv: list[str]) -> Verdict:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(argv) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._stderr.seek(0)
            raise RuntimeError(f"the parser process died:\n{self._stderr.read()[-4000:]}")
        return Verdict(**json.loads(answer))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        self._stderr.close()
