"""What people read: reports, errors and boot progress. The only importer of rich, and only then."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any, TextIO

from glm_deploy.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glm_deploy.errors import DeployError
    from glm_deploy.model import Finding, Report

MARKS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
WIDTH = 80
INDENT = " " * 9


def coloured(stream: TextIO) -> bool:
    """Whether to colour: a terminal, and no NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """One line of talk, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 this is where the tool talks


def show_error(error: DeployError) -> None:
    """An error and what to do about it, on stderr."""
    _write(sys.stderr, "error: ", "bold red", error.message)
    _write(sys.stderr, "fix:   ", "bold green", error.remedy)


def show_report(report: Report, stream: TextIO, *, quiet: bool = False) -> None:
    """A report: findings, worst first, each with its fix; passed and skipped in a line each.

    `quiet` leaves out info, passed and skipped, and the sources of what does not block.
    """
    for finding in report.findings:
        if not (quiet and finding.severity is Severity.INFO):
            brief = quiet and finding.severity is not Severity.ERROR
            style = STYLES[finding.severity]
            _show_finding(finding, stream, MARKS[finding.severity], style, brief=brief)
    for finding in report.allowed:
        _show_finding(finding, stream, "allowed", "magenta", brief=quiet)
    if quiet:
        return
    if report.passed:
        ids = ", ".join(passed.rule for passed in report.passed)
        _write(stream, f"{'passed':<9}", "green", ids)
    for skipped in report.skipped:
        _write(stream, f"{'skipped':<9}", "dim", f"{skipped.rule} {skipped.title}")
        _write(stream, INDENT, "dim", skipped.reason)
    style = {"blocked": "bold red", "degraded": "yellow", "ready": "bold green"}[report.verdict]
    _write(stream, f"{'verdict':<9}", style, report.verdict)


def _show_finding(finding: Finding, stream: TextIO, mark: str, style: str, *, brief: bool) -> None:
    _write(stream, f"{mark:<9}", style, f"{finding.rule} {finding.title}")
    place = f"line {finding.line}, column {finding.column}: " if finding.line else ""
    _write(stream, INDENT, "", f"{place}{finding.subject}: {finding.observed}")
    _write(stream, INDENT, "", finding.message)
    _write(stream, f"{INDENT}fix: ", "bold", finding.fix, fold=False)
    if not brief:
        _write(stream, f"{INDENT}source: ", "dim", f"{finding.source} ({finding.basis})")


def _write(stream: TextIO, lead: str, style: str, text: str, *, fold: bool = True) -> None:
    """A lead in `style`, then text folded behind it on a terminal.

    Machine readers get one unfolded line, and so does everybody for what is made to be pasted.
    """
    first, *others = text.splitlines() or [""]
    if fold and stream.isatty():
        hang = " " * len(lead)
        first = "\n".join(
            textwrap.wrap(
                first,
                WIDTH,
                initial_indent=hang,
                subsequent_indent=hang,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )[len(lead) :]
    tail = "".join(f"\n{' ' * len(lead)}{line}" for line in others)
    if coloured(stream) and style:
        from rich.console import Console
        from rich.text import Text

        console = Console(file=stream, soft_wrap=True, highlight=False)
        console.print(Text.assemble((lead, style), first + tail))
    else:
        print(f"{lead}{first}{tail}".rstrip(), file=stream)


def table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as aligned plain text under their column names."""
    lines = [columns, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


class Progress:
    """Boot progress on stderr: a moving bar on a terminal, one line per phase elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._rank = -1

    def __enter__(self) -> Progress:
        if coloured(sys.stderr):
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=None)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def phase(self, name: str, rank: int, done: int | None, total: int | None, detail: str) -> None:
        """The boot is in phase `name`, the `rank`-th (from 0), at `done` of `total` steps.

        Ranks of the engine tell the same phase again and again; an earlier one is passed over.
        """
        if rank < self._rank:
            return
        if rank > self._rank and self._bar is None:
            say(f"  {name} {detail}".rstrip())
        self._rank = rank
        if self._bar is not None:
            described = f"{name} {detail}".strip()
            self._bar.update(self._task, description=described, completed=done or 0, total=total)
