"""The nouns that travel between layers: findings, the launch spec, the plan that explains it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL_PREFIX = "io.github.glm-deploy"


class Severity(StrEnum):
    """How bad a finding is: an error blocks, a warning degrades, info only tells."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error: larger is worse."""
        return ("info", "warning", "error").index(self.value)


class Basis(StrEnum):
    """How a statement is known."""

    MEASURED = "measured"
    DOCUMENTED = "documented"
    REPORTED = "reported"
    CALCULATED = "calculated"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, why, and what to do about it.

    `line` and `column`, both from 1, are its place in a text that was given to be judged.
    """

    rule: str
    severity: Severity
    title: str
    subject: str
    observed: str
    message: str
    fix: str
    source: str
    basis: Basis
    line: int | None = None
    column: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data; a place only where there is one."""
        data = asdict(self)
        if self.line is None:
            del data["line"], data["column"]
        return data


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that was asked and found nothing."""

    rule: str
    title: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that could not be asked, and the reason; it never counts as passed."""

    rule: str
    title: str
    reason: str
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of judging a launch, a host, or both.

    `allowed` holds findings that the operator overruled by rule ID; they stay visible and do not
    count towards the verdict.
    """

    findings: tuple[Finding, ...] = ()
    passed: tuple[Passed, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    allowed: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> Literal["blocked", "degraded", "ready"]:
        """`blocked` by an error, `degraded` by a warning or by an error rule left unasked."""
        severities = {finding.severity for finding in self.findings}
        if Severity.ERROR in severities:
            return "blocked"
        unasked = any(skip.severity is Severity.ERROR for skip in self.skipped)
        return "degraded" if Severity.WARNING in severities or unasked else "ready"

    def at_or_above(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings that are at least as bad as `severity`."""
        return tuple(f for f in self.findings if f.severity.rank >= severity.rank)

    def to_json(self) -> dict[str, Any]:
        """The public JSON shape, the same for every command that reports."""
        return {
            "verdict": self.verdict,
            "findings": [finding.to_json() for finding in self.findings],
            "passed": [asdict(passed) for passed in self.passed],
            "skipped": [
                {"rule": s.rule, "title": s.title, "reason": s.reason} for s in self.skipped
            ],
            "allowed": [finding.to_json() for finding in self.allowed],
        }


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


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: a profile, the environment, an override, or a rule.

    `where` is the file and line of a profile's value, and the bad state that a rule prevents.
    """

    kind: Literal["profile", "environment", "override", "rule"]
    name: str
    where: str = ""

    def __str__(self) -> str:
        """One phrase for a comment: `profile sm120-tp8 (profiles/sm120-tp8.yaml:31)`."""
        if self.kind == "rule":
            return f"rule {self.name}, against: {self.where}"
        suffix = f" ({self.where})" if self.where else ""
        return f"{self.kind} {self.name}{suffix}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Why one value is what it is. `subject` is a flag, a variable, or a dotted profile key.

    `words` are the words of argv that a flag takes up, itself included; none for other subjects.
    """

    subject: str
    value: str
    because: Origin
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A launch spec and the reason for every value in it.

    `parser` names the captured parser that judged the flags; empty where the catalogue that the
    profile names did.
    """

    spec: LaunchSpec
    decisions: tuple[Decision, ...]
    allow: tuple[str, ...] = ()
    parser: str = ""

    @property
    def flags(self) -> tuple[Decision, ...]:
        """The decisions about engine flags, in the order of argv."""
        return tuple(decision for decision in self.decisions if decision.words)

    @property
    def launcher(self) -> tuple[str, ...]:
        """The words of argv in front of the first flag."""
        return self.spec.argv[: -sum(len(decision.words) for decision in self.flags)]

    def because(self, subject: str) -> str:
        """The origin of `subject` in words, or an empty string where nobody decided it."""
        found = next((d for d in self.decisions if d.subject == subject), None)
        return str(found.because) if found else ""
