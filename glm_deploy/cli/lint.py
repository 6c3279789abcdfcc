"""`glm-deploy lint`: judge a command, Compose file, unit or manifest that somebody else wrote."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from glm_deploy.cli.foreign import beside, read_input, target_of, target_options, understood
from glm_deploy.cli.inputs import fail_on_option, load_facts
from glm_deploy.errors import ExitCode, UsageError
from glm_deploy.model import Severity

if TYPE_CHECKING:
    from glm_deploy.lint.judge import Linted


@click.command()
@click.argument("file", default="-")
@target_options
@click.option("--gpus", metavar="TEXT", help='The cards, such as "8x NVIDIA RTX PRO 6000".')
@click.option("--facts", metavar="FILE", help="Judge these recorded facts of a host as well.")
@click.option("--allow", multiple=True, metavar="ID", help="Overrule a rule. Repeatable.")
@fail_on_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--fix", is_flag=True, help="Print the corrected command on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Say what passed, and which rules do not hold.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but findings.")
def lint(
    file: str,
    image: str | None,
    release: str | None,
    gpus: str | None,
    facts: str | None,
    allow: tuple[str, ...],
    fail_on: str,
    as_json: bool,
    fix: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Judge a launch that somebody else wrote; FILE or standard input. Nothing in it is run.

    It may be a docker run command, a Compose file, a shell script or command line, a systemd unit
    or a Kubernetes manifest.
    """
    from glm_deploy.lint.judge import lint as judge_text
    from glm_deploy.report import say, show_report
    from glm_deploy.rules import check_ids

    if gpus and facts:
        raise UsageError(
            "--gpus and --facts say the same thing", remedy="Give one of the two, or none."
        )
    if facts == "-" and file == "-":
        raise UsageError("standard input cannot be both", remedy="Give one of the two as a file.")
    observed = load_facts(facts, (), "") if facts else None
    text, where = read_input(file)
    target = target_of(image, release, gpus, observed)
    linted = judge_text(text, where, target, beside(file), check_ids(allow))
    if not quiet:
        for line in understood(linted):
            say(line)
    report = linted.report
    failed = report.at_or_above(Severity(fail_on))
    if fix:
        return _fix(linted)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        show_report(report, sys.stdout, quiet=quiet)
    if verbose:
        _say_silent(linted)
    return ExitCode.FINDINGS if failed else ExitCode.GOOD


def _say_silent(linted: Linted) -> None:
    """Which rules have nothing to say about a launch, and what they hold for."""
    from glm_deploy.report import say

    for judged in linted.judged:
        for rule in judged.silent:
            say(f"silent   {rule.id} {rule.title}: holds for {rule.holds_for}")


def _fix(linted: Linted) -> int:
    """Print the corrected command; what needs judgement is listed on stderr, exit 1 if errors."""
    from glm_deploy.lint.fix import corrected
    from glm_deploy.report import show_report

    left = []
    for index, judged in enumerate(linted.judged):
        done = corrected(judged)
        if index:
            click.echo()
        click.echo(done.text, nl=False)
        left.append(done.left)
    from glm_deploy.model import Report

    remaining = Report(tuple(finding for findings in left for finding in findings))
    show_report(remaining, sys.stderr, quiet=True)
    return ExitCode.FINDINGS if remaining.at_or_above(Severity.ERROR) else ExitCode.GOOD
