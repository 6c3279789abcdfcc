"""`up`: start a spec, follow its boot, and accept the server or say why not."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glm_deploy.errors import LaunchError
from glm_deploy.lifecycle.redaction import redacted
from glm_deploy.server.acceptance import Acceptance, accept
from glm_deploy.sglang.boot_log import read_line, split_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from glm_deploy.lifecycle.deployment import Deployment, Runtime
    from glm_deploy.model import LaunchSpec
    from glm_deploy.server.client import Client
    from glm_deploy.sglang.boot_log import BootEvent

    OnEvent = Callable[[BootEvent], None]

POLL_S = 0.2
LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class Up:
    """A server that was brought up and accepted; times in seconds."""

    deployment: Deployment
    acceptance: Acceptance
    boot_seconds: float


def bring_up(
    runtime: Runtime, deployment: Deployment, spec: LaunchSpec, client: Client, on_event: OnEvent
) -> Up:
    """Follow the boot of a started deployment until the server generates, then accept it.

    A server that dies or cannot be accepted is stopped, not removed: its log can still be read.

    Raises:
        LaunchError: it died, took longer than its boot timeout, or was not accepted.
    """
    started = time.monotonic()
    try:
        _await_health(runtime, deployment, spec, client, on_event)
        boot_seconds = time.monotonic() - started
        timeout_s = spec.readiness.first_turn_timeout_s
        acceptance = accept(client, spec.served_name, timeout_s=timeout_s)
    except LaunchError as error:
        lines = last_lines(runtime, deployment)
        runtime.stop(deployment, remove=False)
        raise LaunchError(
            "\n".join([error.message, "last lines of its log:", *(f"  {line}" for line in lines)]),
            remedy=f"{error.remedy}\nIt was stopped; its log: glm-deploy logs --name {spec.name}; "
            f"remove it: glm-deploy down --name {spec.name}",
        ) from None
    return Up(deployment, acceptance, boot_seconds)


def last_lines(runtime: Runtime, deployment: Deployment, count: int = LAST_LINES) -> list[str]:
    """The last lines of a deployment's log, progress bars reduced to their last state."""
    text = "".join(redacted(runtime.log(deployment, follow=False, tail=count)))
    return [line.rpartition("\r")[2] for line in text.rstrip().splitlines()][-count:]


def _await_health(
    runtime: Runtime, deployment: Deployment, spec: LaunchSpec, client: Client, on_event: OnEvent
) -> None:
    log = _Follower(runtime, deployment)
    deadline = time.monotonic() + spec.readiness.boot_timeout_s
    while True:
        log.tell(on_event)
        now = _state(runtime, deployment)
        if not now.running:
            log.tell(on_event)
            raise LaunchError(
                f"the server died while it booted{_how(now)}",
                remedy="The first error in its log is the cause, what follows are echoes.",
            )
        if client.health() == 200:
            log.tell(on_event)
            return
        if time.monotonic() > deadline:
            raise LaunchError(
                f"the server was not ready after {spec.readiness.boot_timeout_s} s; "
                f"its last phase was: {log.phase or 'none seen'}",
                remedy="If its log still moved, give it longer: "
                "--set readiness.boot_timeout_s=3600",
            )
        time.sleep(POLL_S)


def _state(runtime: Runtime, deployment: Deployment) -> Deployment:
    for found in runtime.deployments():
        if found.handle == deployment.handle:
            return found
    raise LaunchError(
        f"deployment {deployment.name} was removed while it booted",
        remedy="Somebody else removed it; start it again: glm-deploy up",
    )


def _how(deployment: Deployment) -> str:
    if deployment.exit_code is not None:
        return f" (exit code {deployment.exit_code})"
    return " and was restarted" if deployment.restarts else ""


class _Follower:
    """Reads the log in a thread, so that a silent server never blocks the wait."""

    def __init__(self, runtime: Runtime, deployment: Deployment) -> None:
        self.phase = ""
        self._pieces: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._rest = ""
        threading.Thread(target=self._read, args=(runtime, deployment), daemon=True).start()

    def _read(self, runtime: Runtime, deployment: Deployment) -> None:
        try:
            for piece in runtime.log(deployment, follow=True, tail=None):
                self._pieces.put(piece)
        except Exception as error:
            self._pieces.put(f"\nglm-deploy: the log can no longer be followed: {error}\n")

    def tell(self, on_event: OnEvent) -> None:
        """Hand every boot event read since the last call to `on_event`."""
        text = self._rest
        while True:
            try:
                text += self._pieces.get_nowait()
            except queue.Empty:
                break
        cut = max(text.rfind("\n"), text.rfind("\r")) + 1
        self._rest = text[cut:]
        for line in split_log(text[:cut]):
            event: Any = read_line(line)
            if event is not None:
                self.phase = str(event.phase)
                on_event(event)
