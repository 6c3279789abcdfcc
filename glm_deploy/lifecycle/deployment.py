"""A deployment as it is found on a host, and what a runtime that holds deployments can do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from glm_deploy.errors import LaunchError, UsageError
from glm_deploy.model import LABEL_PREFIX

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

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs, and nothing will start it again."""
        return self.state in ("exited", "created", "dead")

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


def already_running(runtime: Runtime, spec: LaunchSpec) -> Deployment | None:
    """The deployment that runs the very plan of `spec` under its name, or `None`.

    Raises:
        LaunchError: another plan runs under this name; it is never touched.
    """
    found = _named(runtime, spec.name)
    if found is None or found.ended:
        return None
    wanted = spec.labels.get(f"{LABEL_PREFIX}.plan"), f"{LABEL_PREFIX}.rehearsal" in spec.labels
    if found.running and (found.plan, found.rehearsal) == wanted:
        return found
    raise LaunchError(
        f"deployment {spec.name} exists already ({found.state}, {found.endpoint})",
        remedy=f"glm-deploy down --name {spec.name}, or give this one a name and a port of its "
        "own: --name NAME --set server.port=PORT",
    )


def clear_ended(runtime: Runtime, name: str) -> None:
    """Remove what is left of an ended deployment of this name."""
    found = _named(runtime, name)
    if found is not None and found.ended:
        runtime.stop(found, remove=True)


def _named(runtime: Runtime, name: str) -> Deployment | None:
    return next((found for found in runtime.deployments() if found.name == name), None)


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
