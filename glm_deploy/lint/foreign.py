"""A launch as somebody else wrote it: every word keeps its place in the document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm_deploy.lint.words import Word
    from glm_deploy.model import GpuRequest, Mount, Restart, Ulimit


@dataclass(frozen=True, slots=True)
class Note:
    """Something in the document that was not understood, or only in part; `at` is its offset."""

    text: str
    at: int = 0


@dataclass(slots=True)
class Container:
    """What Docker, Compose or Kubernetes is told about the container.

    `None` is "not said". `ports` are published ports as written, `entrypoint` the override. `open`
    is a variable that holds further options, known only where the command runs.
    """

    image: Word | None = None
    gpus: GpuRequest | None = None
    gpus_unknown: bool = False
    ipc: str | None = None
    shm_size_bytes: int | None = None
    network: str | None = None
    ulimits: tuple[Ulimit, ...] = ()
    restart: Restart | None = None
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    privileged: bool = False
    entrypoint: tuple[str, ...] | None = None
    ports: tuple[str, ...] = ()
    name: str | None = None
    orchestrated: bool = False
    open: str | None = None


@dataclass(slots=True)
class Foreign:
    """One launch of one engine, read from a document.

    `kind` and `name` say what it was found in (`docker run`, `service glm`). `argv` are the
    engine's own arguments; `container` is `None` for a process of the host. `places` maps what a
    rule is about (`container.restart`) to the words that say it in the document.
    """

    kind: str
    name: str
    engine: str
    at: int
    launcher: tuple[Word, ...] = ()
    argv: tuple[Word, ...] = ()
    env: dict[str, Word] = field(default_factory=dict)
    env_at: dict[str, int] = field(default_factory=dict)
    container: Container | None = None
    places: dict[str, Word] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    lead: tuple[str, ...] = ()


@dataclass(slots=True)
class Document:
    """Everything that was found in one document. `kind` is what the document is."""

    kind: str
    launches: list[Foreign] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
