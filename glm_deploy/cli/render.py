"""`glm-deploy render`: the plan as a Compose file, a command, a script or JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from glm_deploy.cli.catalogues import judging
from glm_deploy.cli.inputs import fail_on_option, load_plan, plan_options
from glm_deploy.cli.output import emit
from glm_deploy.errors import ExitCode
from glm_deploy.model import Severity
from glm_deploy.render import FORMATS
from glm_deploy.rules import judge


@click.command()
@plan_options
@fail_on_option
@click.option(
    "--format",
    "target",
    type=click.Choice(list(FORMATS)),
    default="compose",
    show_default=True,
    help="What to write.",
)
@click.option("-o", "--output", metavar="PATH", help="A file or folder to write to [stdout].")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def render(
    profile: str,
    name: str | None,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    fail_on: str,
    target: str,
    output: str | None,
    quiet: bool,
) -> int:
    """Write the launch as a file: every flag with the reason for it.

    A blocked plan writes nothing; its findings are on stderr and the exit code is 1.
    """
    from glm_deploy.report import show_report

    plan = load_plan(profile, name, settings, allow)
    report = judge(plan.spec, allow=plan.allow, catalogue=judging(plan, quiet=quiet))
    failed = report.at_or_above(Severity(fail_on))
    if failed or report.allowed or not quiet:
        show_report(report, sys.stderr, quiet=True)
    if failed:
        return ExitCode.FINDINGS
    for path, text in FORMATS[target](plan).items():
        folder = output is not None and Path(output).is_dir()
        emit(text, str(Path(str(output)) / path) if folder else output)
    return ExitCode.GOOD
