"""The plan: a launch spec, and the reason for every value in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from glm_deploy.model.launch import LaunchSpec


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
