"""The launch spec: one container, fully decided, and the parts it is made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

# The prefix of the labels by which a container of ours is found.
LABEL_PREFIX = "io.github.glm-deploy"


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount (`source` is an absolute path) or a named volume (`source` is its name)."""

    kind: Literal["bind", "volume"]
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """The GPUs Docker is asked for: every one, or exactly `device_ids` (index, UUID or BDF)."""

    device_ids: tuple[str, ...] = ()

    @property
    def all(self) -> bool:
        """Whether every GPU of the host is asked for."""
        return not self.device_ids


@dataclass(frozen=True, slots=True)
class Ulimit:
    """A resource limit in the kernel's own unit (bytes for memlock and stack); -1 is unlimited."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Restart:
    """Docker's restart policy; `max_retries` counts only for `on-failure`."""

    policy: Literal["no", "on-failure", "always", "unless-stopped"]
    max_retries: int = 0

    def __str__(self) -> str:
        """The form that `docker run --restart` and Compose take."""
        return f"{self.policy}:{self.max_retries}" if self.max_retries else self.policy


@dataclass(frozen=True, slots=True)
class Health:
    """Docker's health check: a shell command (the one form all targets know), timing in seconds."""

    command: str
    interval_s: int
    timeout_s: int
    start_period_s: int
    retries: int


@dataclass(frozen=True, slots=True)
class Engine:
    """Which engine the image holds.

    `parser` names the flag catalogue that judges argv. `patched` says that the image may accept
    more than that catalogue, because its own parser was not captured.
    """

    version: str
    parser: str
    patched: bool


@dataclass(frozen=True, slots=True)
class Model:
    """The checkpoint: its Hugging Face ID or path, and the revision if it is pinned."""

    id: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class Hardware:
    """The set of GPUs a launch is made for; memory in MiB as NVML reports it."""

    gpus: int
    compute_capability: tuple[int, int]
    name_contains: str
    memory_mib_min: int


@dataclass(frozen=True, slots=True)
class Readiness:
    """How long `up` waits, in seconds, and what one acceptance generation may take."""

    boot_timeout_s: int
    first_turn_timeout_s: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What only a launch that somebody else wrote can have.

    `container` is whether it runs in one at all, `orchestrated` whether Kubernetes runs it.
    `entrypoint` replaces the image's; `ports` are published ports as Docker writes them.
    """

    container: bool
    orchestrated: bool = False
    privileged: bool = False
    entrypoint: tuple[str, ...] | None = None
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """One container, fully decided. Renderers and the Docker code read this and nothing else.

    `name` is the deployment's name, unique on a host. Paths on the host are absolute.
    `surroundings` are those of a launch that was read, and `None` for one that was planned.
    """

    name: str
    profile: str
    image: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    mounts: tuple[Mount, ...]
    tmpfs: tuple[str, ...]
    gpus: GpuRequest | None
    ipc: str
    shm_size_bytes: int
    network: str
    ulimits: tuple[Ulimit, ...]
    restart: Restart
    stop_timeout_s: int
    log_driver: str
    log_options: Mapping[str, str]
    health: Health
    host: str
    port: int
    served_name: str
    api_key_file: str | None
    engine: Engine
    model: Model
    hardware: Hardware
    readiness: Readiness
    labels: Mapping[str, str] = field(default_factory=dict)
    surroundings: Surroundings | None = None

    @property
    def container_name(self) -> str:
        """The name Docker knows the container by."""
        return f"glm-{self.name}"

    @property
    def endpoint(self) -> str:
        """The base URL a client on this host uses."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}"

    def to_json(self) -> dict[str, Any]:
        """Plain data that `json.dumps` takes."""
        data = asdict(self)
        if self.surroundings is None:
            del data["surroundings"]
        return data

    def digest(self) -> str:
        """A SHA-256 over everything but the labels: equal specs, equal digests."""
        data = self.to_json()
        del data["labels"]
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
