"""Judges foreign launches by the rules that judge our own, and says where each finding stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glm_deploy.errors import UsageError
from glm_deploy.lint.changes import in_words
from glm_deploy.lint.document import prepared, read_document
from glm_deploy.lint.engines import SGLANG
from glm_deploy.lint.spec import ANY_FLAG, ANY_OPTION, Reading, read_launch
from glm_deploy.lint.words import Lines
from glm_deploy.model import Finding, Report, Skipped
from glm_deploy.rules import CATALOGUE, Case, judge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.lint.docker_run import Beside
    from glm_deploy.lint.foreign import Document
    from glm_deploy.lint.target import Target
    from glm_deploy.rules import Rule

_NAMED_IN_MESSAGE = re.compile(r"(?:argument |ambiguous option: |unrecognized arguments: )(\S+)")
_CONTAINER_SUBJECTS = ("container.", "image.", "hardware.")


@dataclass(frozen=True, slots=True)
class Judged:
    """One launch with its own report, and the rules that had nothing to say about it.

    `pairs` are the findings as the rule gave them, with the fix for a profile, and as placed.
    """

    reading: Reading
    report: Report
    silent: tuple[Rule, ...]
    pairs: tuple[tuple[Finding, Finding], ...] = ()


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found in a document: its launches, judged, and what was not understood."""

    document: Document
    lines: Lines
    judged: tuple[Judged, ...]

    @property
    def report(self) -> Report:
        """One report of all launches; a rule has passed where no launch failed or skipped it."""
        reports = [judged.report for judged in self.judged]
        findings = sorted(
            (f for report in reports for f in report.findings),
            key=lambda f: (-f.severity.rank, f.line or 0, f.column or 0),
        )
        skipped = tuple(dict.fromkeys(s for report in reports for s in report.skipped))
        troubled = {f.rule for f in findings} | {s.rule for s in skipped}
        passed = {p.rule: p for report in reports for p in report.passed if p.rule not in troubled}
        allowed = tuple(f for report in reports for f in report.allowed)
        return Report(tuple(findings), tuple(passed.values()), skipped, allowed)


def lint(
    text: str, where: str, target: Target, beside: Beside, allow: Iterable[str] = ()
) -> Linted:
    """Judge every launch of SGLang in a text. Nothing in it is executed.

    `where` names the text in errors; `beside` gives the text of a file that lies beside it.

    Raises:
        UsageError: no launch is found, or another engine's, or the text cannot be read.
    """
    document = read_document(text, where, beside)
    lines = Lines(prepared(text))
    ours = [launch for launch in document.launches if launch.engine == SGLANG]
    others = [launch for launch in document.launches if launch.engine != SGLANG]
    if not ours:
        if others:
            names = ", ".join(dict.fromkeys(launch.engine for launch in others))
            line, column = lines.place(others[0].at)
            raise UsageError(
                f"{where}:{line}:{column}: this starts {names}; only SGLang is judged here",
                remedy="Give a command that starts sglang (`python3 -m sglang.launch_server …`).",
            )
        raise UsageError(
            f"{where}: no launch of SGLang found in this {document.kind}{_reasons(document)}",
            remedy="Give a docker run command, a Compose file, a script, a systemd unit or a "
            "Kubernetes manifest that starts sglang.",
        )
    allowed = tuple(allow)
    judged = tuple(_judge(read_launch(launch, target), target, lines, allowed) for launch in ours)
    return Linted(document, lines, judged)


def _reasons(document: Document) -> str:
    texts = [note.text for note in document.notes][:3]
    return f" ({'; '.join(texts)})" if texts else ""


def _judge(reading: Reading, target: Target, lines: Lines, allow: tuple[str, ...]) -> Judged:
    report = judge(reading.spec, target.facts, allow, catalogue=reading.own)
    case = Case(reading.spec, target.facts, reading.own)
    pairs, doubted = [], []
    for finding in report.findings:
        reason = _doubt(finding, reading)
        if reason:
            rule = CATALOGUE[finding.rule]
            doubted.append(Skipped(rule.id, rule.title, reason, rule.severity))
        else:
            pairs.append((finding, _placed(finding, reading, lines, case)))
    skipped = (*report.skipped, *dict.fromkeys(doubted))
    allowed = tuple(_placed(finding, reading, lines, case) for finding in report.allowed)
    silent = tuple(rule for rule in CATALOGUE.values() if not rule.needs and not rule.applies(case))
    placed = tuple(finding for _, finding in pairs)
    merged = Report(placed, report.passed, skipped, allowed)
    return Judged(reading, merged, silent, tuple(pairs))


def _doubt(finding: Finding, reading: Reading) -> str:
    """Why the finding cannot be told: it is about a value that is known only at the launch."""
    subjects = {finding.subject, *CATALOGUE[finding.rule].subjects}
    for subject, reason in reading.doubts.items():
        if subject in subjects:
            return reason
    if finding.rule.startswith("CTR-") and ANY_OPTION in reading.doubts:
        return reading.doubts[ANY_OPTION]
    absent = finding.observed.startswith(("not set", "0, from"))
    return reading.doubts.get(ANY_FLAG, "") if absent else ""


def _placed(finding: Finding, reading: Reading, lines: Lines, case: Case) -> Finding:
    """The finding with its subject as written, its place, and a fix in the command's own words."""
    written, at = _place(finding, reading, case)
    line, column = lines.place(reading.foreign.at if at is None else at)
    docker = reading.foreign.container is not None and reading.foreign.kind == "docker run"
    return replace(
        finding,
        subject=written,
        fix=in_words(finding.fix, docker=docker),
        line=line,
        column=column,
    )


def _place(finding: Finding, reading: Reading, case: Case) -> tuple[str, int | None]:
    named = _NAMED_IN_MESSAGE.search(finding.observed) if finding.subject == "argv" else None
    for subject in [named[1] if named else finding.subject, *CATALOGUE[finding.rule].subjects]:
        found = _written(subject, reading, case)
        if found:
            return found
    return finding.subject, None


def _written(subject: str, reading: Reading, case: Case) -> tuple[str, int] | None:
    """How the document writes a subject, and where."""
    foreign = reading.foreign
    if subject in foreign.env_at:
        return subject, foreign.env_at[subject]
    if subject in foreign.places:
        word = foreign.places[subject]
        return word.text, word.at
    names = {name.rstrip(":") for name in subject.split("/")}
    names |= {case.catalogue.canonical(name) or name for name in names}
    for given in case.catalogue.read([word.text for word in foreign.argv]).given:
        if given.written in names or given.flag in names:
            return given.written, foreign.argv[given.position].at
    for word in foreign.argv:
        if word.text == subject:
            return word.text, word.at
    return None
