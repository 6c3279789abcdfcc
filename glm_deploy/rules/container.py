"""CTR: how Docker runs the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import CARD, DOCKER, documented, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

SHM_MIN_BYTES = 8 * 1024**3  # the card's --shm-size=8g


@rule(
    "CTR-001",
    "Restarts without end",
    severity=Severity.ERROR,
    subjects=("container.restart",),
    source=reported("118 restarts in 27 minutes of a server that could never start"),
    fix="--set container.restart.policy=on-failure --set container.restart.max_retries=3",
)
def endless_restart(case: Case) -> Iterable[Problem]:
    """A server that cannot start is started again and again, each time loading 320 GB, and its
    first error scrolls away. A bound keeps the error readable.
    """
    restart = case.spec.restart
    endless = restart.policy == "on-failure" and restart.max_retries == 0
    if restart.policy in ("always", "unless-stopped") or endless:
        yield Problem(str(restart), "a server that cannot start would be restarted for ever")


@rule(
    "CTR-002",
    "Shared memory too small for the ranks",
    severity=Severity.ERROR,
    subjects=("container.shm_size", "container.ipc"),
    source=reported(CARD),
    fix="--set container.ipc=host",
    holds_for="containers that do not use the host's IPC namespace",
    applies=lambda case: case.spec.ipc != "host",
)
def shared_memory(case: Case) -> Iterable[Problem]:
    """Ranks exchange data through /dev/shm. With the host's IPC namespace they use the host's;
    otherwise the container gets `shm_size`, 64 MiB by Docker's default.
    """
    if case.spec.shm_size_bytes < SHM_MIN_BYTES:
        mib = case.spec.shm_size_bytes // 1024**2
        yield Problem(
            f"{mib} MiB",
            "the recipe gives 8 GiB",
            subject="container.shm_size",
            fix="--set container.shm_size=8g",
        )


@rule(
    "CTR-003",
    "Locked memory is limited",
    severity=Severity.WARNING,
    subjects=("container.ulimits.memlock",),
    source=documented(f"{CARD}; {DOCKER}"),
    fix="--set container.ulimits.memlock=-1",
)
def memlock(case: Case) -> Iterable[Problem]:
    """NCCL and the loader pin host memory. Docker's default limit of 8 MiB or 64 MiB makes pinning
    fail, or fall back to slow copies.
    """
    limit = next((u for u in case.spec.ulimits if u.name == "memlock"), None)
    if limit is None or limit.soft != -1:
        yield Problem("not set" if limit is None else str(limit.soft), "pinning may fail")
