"""Starts the simulator as a process of its own, as a launch would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The reference recipe for eight cards, without host and port.
RECIPE = [
    *("--model-path", "0xSero/GLM-5.1-555B-NVFP4"),
    *("--served-model-name", "glm-5.1-reap"),
    *("--reasoning-parser", "glm45"),
    *("--tool-call-parser", "glm47"),
    *("--tensor-parallel-size", "8"),
    *("--quantization", "compressed-tensors"),
    *("--kv-cache-dtype", "bf16"),
    "--trust-remote-code",
    *("--mem-fraction-static", "0.85"),
    *("--chunked-prefill-size", "16384"),
    *("--attention-backend", "flashinfer"),
    *("--fp4-gemm-backend", "b12x"),
    *("--moe-runner-backend", "b12x"),
]


class Simulator:
    """A running simulator: its URL, its log so far, its end."""

    def __init__(self, argv: list[str], port: int, log: Path, environment: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self._log = log
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GLM_DEPLOY_")}
        with log.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "glm_deploy.simulator", *argv],
                stdout=sink,
                stderr=sink,
                env={**kept, **environment},
            )

    @property
    def log(self) -> str:
        """Everything it has written, with its carriage returns."""
        return self._log.read_bytes().decode()

    def says(self, words: str, within_s: float = 15) -> None:
        """Wait until the log holds these words."""
        self._until(lambda: words in self.log, f"{words!r} never came", within_s)

    def ready(self) -> Simulator:
        """Wait until it is healthy."""
        self._until(lambda: self.health() == 200, "never healthy", 15)
        return self

    def health(self) -> int | None:
        """The status of /health; `None` while nobody listens."""
        try:
            return httpx.get(f"{self.url}/health", timeout=10).status_code
        except httpx.ConnectError:
            return None

    def wait(self, within_s: float = 15) -> int:
        """Its exit status."""
        return self.process.wait(within_s)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def _until(self, reached: Callable[[], bool], complaint: str, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not reached():
            assert self.process.poll() is None, f"{complaint}; it ended:\n{self.log}"
            assert time.monotonic() < deadline, f"{complaint}:\n{self.log}"
            time.sleep(0.02)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def starter(folder: Path) -> Iterator[Callable[..., Simulator]]:
    started: list[Simulator] = []

    def start(
        *more: str,
        speed: float = 3000,
        scenario: str = "",
        port: int | None = None,
        argv: list[str] | None = None,
        **environment: str,
    ) -> Simulator:
        port = port or free_port()
        base = RECIPE if argv is None else argv
        settings = {"SPEED": str(speed), "SCENARIO": scenario} | environment
        simulator = Simulator(
            [*base, "--port", str(port), *more],
            port,
            folder / f"{len(started)}.log",
            {f"GLM_DEPLOY_SIMULATOR_{name}": value for name, value in settings.items()},
        )
        started.append(simulator)
        return simulator

    yield start
    for simulator in started:
        simulator.process.kill()
        simulator.process.wait()


@pytest.fixture(scope="session")
def recipe() -> list[str]:
    """The engine's arguments that `start` uses unless told otherwise."""
    return RECIPE


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Start a simulator on a free port: extra arguments, speed=, scenario=, port=, argv=."""
    yield from starter(tmp_path)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A ready server with the reference recipe and metrics, shared by tests that only ask."""
    for start in starter(tmp_path_factory.mktemp("served")):
        yield start("--enable-metrics").ready()
