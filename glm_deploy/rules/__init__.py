"""The rule catalogue: one file per family, and the engine that asks every rule about a launch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.errors import UsageError
from glm_deploy.model import Finding, Passed, Report, Skipped
from glm_deploy.rules import (
    attention,
    backends,
    communication,
    container,
    deepgemm,
    flags,
    gpus,
    host,
    image,
    kv_cache,
    model,
    parallelism,
    security,
    speculation,
)
from glm_deploy.rules.case import Case
from glm_deploy.rules.rule import Problem, Rule, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.facts import Facts
    from glm_deploy.model import LaunchSpec
    from glm_deploy.sglang.catalogue import Catalogue

__all__ = ["CATALOGUE", "Case", "Rule", "check_ids", "find", "judge"]

_FAMILIES = (
    attention,
    backends,
    communication,
    container,
    deepgemm,
    flags,
    gpus,
    host,
    image,
    kv_cache,
    model,
    parallelism,
    security,
    speculation,
)

CATALOGUE: dict[str, Rule] = {
    item.id: item
    for item in sorted(
        (item for family in _FAMILIES for item in vars(family).values() if isinstance(item, Rule)),
        key=lambda item: item.id,
    )
}


def find(rule_id: str) -> Rule | None:
    """The rule with this ID, whatever its case, or `None`."""
    return CATALOGUE.get(rule_id.upper())


def check_ids(rule_ids: Iterable[str]) -> tuple[str, ...]:
    """The IDs in their canonical form.

    Raises:
        UsageError: one of them is no rule.
    """
    ids = [rule_id.upper() for rule_id in rule_ids]
    unknown = [rule_id for rule_id in ids if rule_id not in CATALOGUE]
    if unknown:
        raise UsageError(
            f"there is no rule {', '.join(unknown)}",
            remedy="`glm-deploy explain` lists the rules.",
        )
    return tuple(dict.fromkeys(ids))


def judge(
    spec: LaunchSpec,
    facts: Facts | None = None,
    allow: Iterable[str] = (),
    rules: Iterable[Rule] | None = None,
    catalogue: Catalogue | None = None,
) -> Report:
    """Ask each rule about the launch and, when `facts` are given, about the host.

    Without facts the rules that read a host are not asked at all. Findings of the rules in
    `allow` are set apart and do not count towards the verdict. `catalogue` is the image's own
    parser where it was captured.
    """
    case = Case(spec, facts, catalogue)
    allowed_ids = frozenset(allow)
    findings: list[Finding] = []
    allowed: list[Finding] = []
    passed: list[Passed] = []
    skipped: list[Skipped] = []
    for item in CATALOGUE.values() if rules is None else rules:
        if (item.needs and facts is None) or not item.applies(case):
            continue
        outcome = list(_ask(item, case))
        problems = [_finding(item, p) for p in outcome if isinstance(p, Problem)]
        unknowns = [u for u in outcome if isinstance(u, Unknown)]
        (allowed if item.id in allowed_ids else findings).extend(problems)
        if unknowns:
            reason = "; ".join(dict.fromkeys(u.reason for u in unknowns))
            skipped.append(Skipped(item.id, item.title, reason, item.severity))
        elif not problems:
            passed.append(Passed(item.id, item.title))
    findings.sort(key=lambda finding: -finding.severity.rank)
    return Report(tuple(findings), tuple(passed), tuple(skipped), tuple(allowed))


def _ask(item: Rule, case: Case) -> Iterable[Problem | Unknown]:
    if case.facts is not None:
        missing = [need for need in item.needs if getattr(case.facts, need) is None]
        if missing:
            return [Unknown(case.facts.reason(need)) for need in missing]
    return item.judge(case)


def _finding(item: Rule, problem: Problem) -> Finding:
    return Finding(
        rule=item.id,
        severity=item.severity,
        title=item.title,
        subject=problem.subject or item.subjects[0],
        observed=problem.observed,
        message=problem.message,
        fix=problem.fix or item.fix,
        source=item.source.text,
        basis=item.source.basis,
    )
