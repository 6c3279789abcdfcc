"""A real simulator to talk to, and a server that says exactly what a test tells it to."""

from __future__ import annotations

import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from testbench.workplace import free_port

from glm_deploy.server.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAME = "glm-5.1-reap"


@contextmanager
def simulator(
    folder: Path, *words: str, speed: float = 5000, scenario: str = "none"
) -> Iterator[Client]:
    """A client of a simulator that listens; it may not be healthy yet."""
    port = free_port()
    argv = [sys.executable, "-m", "glm_deploy.simulator", "--model-path", "org/glm"]
    argv += ["--served-model-name", NAME, "--reasoning-parser", "glm45", "--port", str(port)]
    argv += ["--tensor-parallel-size", "8"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GLM_DEPLOY_")}
    settings = {"SPEED": f"{speed:g}", "SCENARIO": scenario}
    env = kept | {f"GLM_DEPLOY_SIMULATOR_{key}": value for key, value in settings.items()}
    with (folder / "simulator.log").open("wb") as log:
        process = subprocess.Popen([*argv, *words], env=env, stdout=log, stderr=log)
    try:
        with Client(f"http://127.0.0.1:{port}") as client:
            until(lambda: process.poll() is not None or client.health() is not None)
            assert process.poll() is None, (folder / "simulator.log").read_text()
            yield client
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def until(reached: Callable[[], bool], within_s: float = 30) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.02)


def answer(body: bytes, status: str = "200 OK") -> bytes:
    """A whole HTTP response."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@contextmanager
def saying(*parts: bytes | Callable[[], object]) -> Iterator[Client]:
    """A client of a server that answers one request with these bytes, calling what is callable.

    After the last part it hangs up.
    """

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            for part in parts:
                if isinstance(part, bytes):
                    self.request.sendall(part)
                else:
                    part()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with Client(f"http://127.0.0.1:{server.server_address[1]}") as client:
            yield client
        server.shutdown()
