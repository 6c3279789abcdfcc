"""Rehearsals without Docker: the simulator as a process, and the folder that finds it again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from glm_deploy.errors import HostError, LaunchError
from glm_deploy.lifecycle.deployment import Deployment
from glm_deploy.lifecycle.places import make_state_dir, state_dir
from glm_deploy.model import LABEL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.model import LaunchSpec

# The words of argv that start the engine; the simulator takes what follows them.
LAUNCHER_WORDS = 3
POLL_S = 0.05

# The tool's own variables are the operator's; a simulator is told only what the spec says.
OWN_VARIABLES = "GLM_DEPLOY_"

# What launch.json holds, and of which type.
RECORD = {"pid": int, "born": int | None, "started_at": str, "stop_timeout_s": int, "labels": dict}


class ProcessRuntime:
    """Simulators started by `up --rehearse` where no Docker answers.

    Each has a folder below the state directory with `launch.json` and `server.log`.
    """

    name = "process"

    def deployments(self) -> list[Deployment]:
        """Every rehearsal process, running or ended."""
        records = sorted(_rehearsals(state_dir()).glob("*/launch.json"))
        return [self._read(path.parent) for path in records]

    def start(self, spec: LaunchSpec) -> Deployment:
        """Start the simulator with the spec's own argv and environment."""
        folder = _rehearsals(make_state_dir()) / spec.name
        process = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            process = _spawn(spec, folder)
            _write(folder, _record(spec, process.pid))
        except OSError as error:
            if process is not None:
                process.kill()
                process.wait()
            shutil.rmtree(folder, ignore_errors=True)
            raise LaunchError(
                f"the rehearsal cannot be started: {error}",
                remedy=f"Check that {folder} can be written to.",
            ) from None
        return self._read(folder)

    def log(self, deployment: Deployment, *, follow: bool, tail: int | None) -> Iterator[str]:
        """The simulator's output; `follow` ends when the process does."""
        folder = Path(deployment.handle)
        # Read once: `down` may remove the folder while somebody follows.
        launch = _launch(folder)
        with _open_log(folder) as log:
            text = log.read()
            yield text if tail is None else _last_lines(text, tail)
            while follow:
                alive = _alive(launch)
                piece = log.read()
                if piece:
                    yield piece
                elif not alive:
                    return
                else:
                    time.sleep(POLL_S)

    def stop(self, deployment: Deployment, *, remove: bool) -> None:
        """SIGTERM, then SIGKILL once the stop timeout is over, as Docker does."""
        folder = Path(deployment.handle)
        launch = _launch(folder)
        deadline = time.monotonic() + launch["stop_timeout_s"]
        signals = [signal.SIGTERM]
        while _alive(launch):
            if time.monotonic() > deadline:
                signals = [signal.SIGKILL]
            for number in signals:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(launch["pid"], number)
            signals = []
            time.sleep(POLL_S)
        if remove:
            shutil.rmtree(folder)

    def _read(self, folder: Path) -> Deployment:
        launch = _launch(folder)
        labels = launch["labels"]
        exit_code = _exit_code(launch)
        if exit_code is not None and "exit_code" not in launch:
            # On a full disk only the exit code of an ended rehearsal is lost.
            with contextlib.suppress(OSError):
                _write(folder, launch | {"exit_code": exit_code})

        def label(key: str) -> str:
            return str(labels.get(f"{LABEL_PREFIX}.{key}", ""))

        return Deployment(
            name=label("deployment"),
            runtime=self.name,
            handle=str(folder),
            state="running" if _alive(launch) else "exited",
            exit_code=exit_code,
            restarts=0,
            started_at=launch["started_at"],
            profile=label("profile"),
            plan=label("plan"),
            endpoint=label("endpoint"),
            served_name=label("served-name"),
            image="(process on this host)",
            rehearsal=True,
        )


def _rehearsals(state: Path) -> Path:
    return state / "rehearsals"


def _spawn(spec: LaunchSpec, folder: Path) -> subprocess.Popen[bytes]:
    """The simulator with the spec's argv and environment, in a session of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(OWN_VARIABLES)}
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "glm_deploy.simulator", *_on_this_host(spec)],
            env={**inherited, **spec.env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _record(spec: LaunchSpec, pid: int) -> dict[str, Any]:
    return {
        "pid": pid,
        "born": _born(pid),
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "stop_timeout_s": spec.stop_timeout_s,
        "labels": dict(spec.labels),
    }


def _on_this_host(spec: LaunchSpec) -> list[str]:
    """The engine's argv with paths of read-only mounts put back to where they are on the host."""
    at_home = {mount.target: mount.source for mount in spec.mounts if mount.read_only}
    return [at_home.get(word, word) for word in spec.argv[LAUNCHER_WORDS:]]


def _open_log(folder: Path) -> TextIO:
    path = folder / "server.log"
    try:
        return path.open(encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise HostError(
            f"the log of a rehearsal, {path}, cannot be read: {error.strerror}",
            remedy=f"Remove the rehearsal: glm-deploy down --name {folder.name}",
        ) from None


def _last_lines(text: str, count: int) -> str:
    """A progress bar's carriage returns do not count as lines, for Docker neither."""
    return "".join(re.findall(r"[^\n]*\n|[^\n]+$", text)[-count:])


def _write(folder: Path, launch: dict[str, Any]) -> None:
    """In one step, since another glm-deploy may read it meanwhile."""
    temporary = folder / "launch.json.new"
    temporary.write_text(json.dumps(launch, indent=1), "utf-8")
    temporary.replace(folder / "launch.json")


def _launch(folder: Path) -> dict[str, Any]:
    path = folder / "launch.json"
    try:
        launch = json.loads(path.read_text("utf-8"))
        if not isinstance(launch, dict) or any(
            not isinstance(launch.get(key), kind) for key, kind in RECORD.items()
        ):
            raise ValueError("it is not what `glm-deploy up --rehearse` writes")
        return launch
    except (OSError, ValueError) as error:
        raise HostError(
            f"the record of a rehearsal, {path}, cannot be read: {error}",
            remedy=f"Remove it once its process is gone: rm -r {folder}",
        ) from None


def _exit_code(launch: dict[str, Any]) -> int | None:
    """The exit code of our own child once it ended; nobody else is told it."""
    try:
        pid, status = os.waitpid(launch["pid"], os.WNOHANG)
    except ChildProcessError:
        return launch.get("exit_code")
    return os.waitstatus_to_exitcode(status) if pid else None


def _born(pid: int) -> int | None:
    """The kernel's start time of a process (clock ticks since boot), `None` once it is gone.

    PID and start time together name a process for good: a PID alone is given out again. See
    proc_pid_stat(5), fields 3 and 22; a zombie counts as gone.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def _alive(launch: dict[str, Any]) -> bool:
    born = _born(launch["pid"])
    return born is not None and born == launch["born"]
