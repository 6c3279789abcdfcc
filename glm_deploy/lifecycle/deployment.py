"""A deployment as it is found on a host, and what a runtime that holds deployments can do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from glm_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from glm_deploy.model import LaunchSpec


@dataclass(frozen=True, slots=True)
class Deployment:
    """One server of ours: what was started, and how it is now.

    `state` is Docker's word (`running`, `restarting`, `exited` ...); `exit_code` is set once it
    ended; `started_at` is ISO 8601 in UTC.
    """

    name: str
    runtime: str
    handle: str
    state: str
    exit_code: int | None
    restarts: int
    started_at: str
    profile: str
    plan: str
    endpoint: str
    served_name: str
    image: str
    rehearsal: bool

    @property
    def running(self) -> bool:
        """Whether it runs, and has not died and been restarted meanwhile."""
        return self.state == "running" and self.restarts == 0

    def to_json(self) -> dict[str, Any]:
        """Plain data that `json.dumps` takes."""
        return asdict(self)


class Runtime(Protocol):
    """What holds deployments: Docker, or plain processes for a rehearsal without Docker."""

    name: str

    def deployments(self) -> list[Deployment]:
        """Every deployment of ours, running or not."""

    def start(self, spec: LaunchSpec) -> Deployment:
        """Start `spec`.

        Raises:
            LaunchError: it cannot be started; nothing is left behind.
        """

    def log(self, deployment: Deployment, *, follow: bool, tail: int | None) -> Iterator[str]:
        """The log in pieces of text as they come; the last `tail` lines, or all of them."""

    def stop(self, deployment: Deployment, *, remove: bool) -> None:
        """Stop it within its stop timeout, and remove it if asked to."""


def find(runtimes: Iterable[Runtime], name: str) -> tuple[Runtime, Deployment] | None:
    """The deployment of this name and the runtime that holds it, or `None`."""
    for runtime in runtimes:
        for deployment in runtime.deployments():
            if deployment.name == name:
                return runtime, deployment
    return None


def pick(runtimes: Iterable[Runtime], name: str | None) -> tuple[Runtime, Deployment]:
    """The named deployment, or the only one there is.

    Raises:
        UsageError: there is none, or there are several and no name was given.
    """
    known = [(runtime, found) for runtime in runtimes for found in runtime.deployments()]
    chosen = [pair for pair in known if name in (None, pair[1].name)]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(sorted(found.name for _, found in known))
    if not known:
        raise UsageError("nothing is deployed here", remedy="Start with: glm-deploy up")
    if not chosen:
        raise UsageError(
            f"there is no deployment {name}; there is {names}", remedy=f"--name {names}"
        )
    raise UsageError(f"there are several deployments: {names}", remedy="Choose one with --name.")
