"""An operator's place: runs the real `glm-deploy` with a home and a state directory of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from testbench.parts import BASE_IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable

GLM_DEPLOY = Path(sys.executable).with_name("glm-deploy")
NO_DOCKER = "unix:///nonexistent/docker.sock"
FACTS = Path(__file__).parents[1] / "facts"

_numbers = itertools.count(1)


class Ran(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Workplace:
    """Runs commands against one Docker engine (or none); `close` removes what they started.

    `name` is a deployment name that no other test uses, `port` a port that nobody holds.
    """

    def __init__(self, folder: Path, docker_host: str = NO_DOCKER) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.docker_host = docker_host
        self.name = f"test-{os.getpid()}-{next(_numbers)}"
        self.port = free_port()
        (folder / "home").mkdir(exist_ok=True)
        self._running: list[subprocess.Popen[str]] = []

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of the developer's own settings reaches the command."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GLM_DEPLOY", "DOCKER_"))}
        return kept | {
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.state),
            "DOCKER_HOST": self.docker_host,
            "GLM_DEPLOY_SIMULATOR_BASE": BASE_IMAGE,
            **more,
        }

    def start(
        self, *words: str, preexec: Callable[[], None] | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        """Start `glm-deploy` with these words, and leave it running."""
        process = subprocess.Popen(
            [str(GLM_DEPLOY), *words],
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=preexec,
        )
        self._running.append(process)
        return process

    def run(
        self,
        *words: str,
        within_s: float = 60,
        preexec: Callable[[], None] | None = None,
        **environment: str,
    ) -> Ran:
        """Run `glm-deploy` to its end; it never shows a traceback of its own."""
        return ended(self.start(*words, preexec=preexec, **environment), within_s)

    def up(self, *words: str, name: str = "", port: int = 0, **environment: str) -> Ran:
        """`glm-deploy up`, under this workplace's name and port."""
        return self.run(*self.up_words(*words, name=name, port=port), **environment)

    def up_words(self, *words: str, name: str = "", port: int = 0) -> list[str]:
        """The words of `up`."""
        where = f"server.port={port or self.port}"
        return ["up", "--name", name or self.name, "--set", where, *words]

    def rehearse(
        self, *words: str, speed: int = 5000, name: str = "", port: int = 0, **environment: str
    ) -> Ran:
        """`glm-deploy up --rehearse`, in Docker where this workplace has one."""
        more = ["--rehearse", "--speed", str(speed), *words]
        return self.up(*more, name=name, port=port, **environment)

    def docker(self, *words: str) -> str:
        """Run the docker CLI on the same engine; its output."""
        argv = ["docker", "-H", self.docker_host, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout

    def containers(self) -> list[str]:
        """IDs of the containers with a name of this workplace, running or not."""
        if self.docker_host == NO_DOCKER:
            return []
        return self.docker("ps", "-aq", "--filter", f"name=^/glm-{self.name}").split()

    def simulators(self) -> list[int]:
        """PIDs of the simulators that commands of this workplace started as processes."""
        return [pid for pid in _pids() if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            process = Path(f"/proc/{pid}")
            mark = f"XDG_STATE_HOME={self.state}\0".encode()
            words = (process / "cmdline").read_bytes()
            return b"glm_deploy.simulator" in words and mark in (process / "environ").read_bytes()
        return False

    def remove(self) -> None:
        """End and remove the servers, whatever state a failed test left them in."""
        for pid in self.simulators():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if found := self.containers():
            self.docker("rm", "--force", "--volumes", *found)

    def close(self) -> None:
        """End and remove everything."""
        for process in self._running:
            if process.poll() is None:
                process.kill()
            for stream in (process.stdout, process.stderr):
                if stream and not stream.closed:
                    stream.close()
            process.wait()
        self.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def ended(process: subprocess.Popen[str], within_s: float = 60) -> Ran:
    """Wait for a command; lines of the server's log that it quotes may hold a traceback."""
    try:
        out, err = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{process.args} did not end:\n{out}\n{err}") from None
    own, _, _ = err.partition("last lines of its log:")
    assert "Traceback" not in own, err
    return Ran(process.returncode, out, err)


def free_port() -> int:
    """A port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def can_bind(port: int) -> bool:
    """Whether a server could take this port on every address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
