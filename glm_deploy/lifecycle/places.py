"""Where the tool keeps the little that Docker labels cannot hold, by the XDG base directories."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from glm_deploy.errors import HostError, LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator


def state_dir() -> Path:
    """`$XDG_STATE_HOME/glm-deploy`; it may not be there yet."""
    root = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(root).expanduser() / "glm-deploy"


def make_state_dir() -> Path:
    """The state directory, made if need be.

    Raises:
        HostError: it cannot be made.
    """
    path = state_dir()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise HostError(
            f"the state directory {path} cannot be made: {error.strerror}",
            remedy="Set XDG_STATE_HOME to a folder you may write to.",
        ) from None
    return path


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the lock of one deployment; the kernel frees it however the process ends.

    Raises:
        LockedError: another run holds it.
        HostError: the lock file cannot be opened.
    """
    path = make_state_dir() / f"{name}.lock"
    try:
        handle = path.open("a+b", buffering=0)
    except OSError as error:
        raise HostError(
            f"the lock file {path} cannot be opened: {error.strerror}",
            remedy="Set XDG_STATE_HOME to a folder you may write to.",
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().decode().strip() or "unknown"
            raise LockedError(
                f"another glm-deploy (PID {holder}) is at work on deployment {name}",
                remedy="Wait for it, or stop it with Ctrl-C where it runs.",
            ) from None
        # The lock holds without the PID: a full disk must not keep anybody from `down`.
        with suppress(OSError):
            handle.truncate(0)
            handle.write(str(os.getpid()).encode())
        yield
