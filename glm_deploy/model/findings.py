"""What judging gives: findings, what passed, what could not be asked, and the report of all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal


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
