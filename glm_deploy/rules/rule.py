"""What a rule is, and the decorator that turns a judging function into one."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from glm_deploy.model import Severity
    from glm_deploy.rules.case import Case
    from glm_deploy.rules.sources import Source

    Judge = Callable[[Case], Iterable["Problem | Unknown"]]
    # Flag or variable -> value; an empty text is a flag without a value.
    Choices = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found. `subject` and `fix` replace the rule's own where they say more."""

    observed: str
    message: str
    subject: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The rule could not tell, and why: it is reported as skipped, never as passed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A bad state with a stable ID, why it is bad, how that is known, and how to leave it.

    `subjects` are the flags, variables or keys it is about, the first one its main subject.
    `needs` names the facts it reads: a rule with needs judges a host, one without judges a launch.
    `applies` tells whether the rule holds for this launch at all (`holds_for` says it in words).
    `decides` gives the values it fills in where the profile left them open.
    """

    id: str
    title: str
    severity: Severity
    subjects: tuple[str, ...]
    why: str
    source: Source
    fix: str
    holds_for: str
    judge: Judge
    applies: Callable[[Case], bool]
    decides: Callable[[Case], Choices]
    needs: tuple[str, ...]


def always(_: Case) -> bool:
    """The rule holds for every launch."""
    return True


def decides_nothing(_: Case) -> Choices:
    """The rule only judges."""
    return {}


def rule(
    rule_id: str,
    title: str,
    *,
    severity: Severity,
    subjects: tuple[str, ...],
    source: Source,
    fix: str,
    holds_for: str = "every engine and image",
    applies: Callable[[Case], bool] = always,
    decides: Callable[[Case], Choices] = decides_nothing,
    needs: tuple[str, ...] = (),
) -> Callable[[Judge], Rule]:
    """Make a rule of a judging function; the function's docstring is the rule's rationale."""

    def make(judge: Judge) -> Rule:
        return Rule(
            id=rule_id,
            title=title,
            severity=severity,
            subjects=subjects,
            why=inspect.cleandoc(judge.__doc__ or ""),
            source=source,
            fix=fix,
            holds_for=holds_for,
            judge=judge,
            applies=applies,
            decides=decides,
            needs=needs,
        )

    return make
