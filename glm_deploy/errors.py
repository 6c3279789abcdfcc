"""What can stop the tool from doing its job. A finding is data about the world; these are not."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Process exit codes; documented in `glm-deploy --help` and relied on by scripts."""

    GOOD = 0
    FINDINGS = 1
    USAGE = 2
    HOST = 3
    LAUNCH = 4
    LOCKED = 5
    BUG = 70
    INTERRUPTED = 130


class DeployError(Exception):
    """The job could not be done.

    `message` says what is wrong and where; `remedy` says what to do next and has no default, so
    whoever raises the error has to decide.
    """

    exit_code = ExitCode.BUG

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(DeployError):
    """The command line, an override or a profile cannot be understood."""

    exit_code = ExitCode.USAGE


class HostError(DeployError):
    """The host, its driver or its Docker daemon cannot be reached or written to."""

    exit_code = ExitCode.HOST


class LaunchError(DeployError):
    """The server did not start, or started and was not accepted."""

    exit_code = ExitCode.LAUNCH


class LockedError(DeployError):
    """Another run of glm-deploy is at work on the same deployment."""

    exit_code = ExitCode.LOCKED
