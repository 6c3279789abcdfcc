"""`glm-deploy preflight`: is this host, or a recorded one, fit for the profile?"""

from __future__ import annotations

import json
import sys

import click

from glm_deploy.cli.catalogues import judging
from glm_deploy.cli.inputs import fail_on_option, load_facts, load_plan, plan_options
from glm_deploy.errors import ExitCode
from glm_deploy.model import Severity


@click.command()
@plan_options
@fail_on_option
@click.option("--facts", metavar="FILE", help="Judge recorded facts (`-`: stdin), not this host.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings only.")
def preflight(
    profile: str,
    name: str | None,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    fail_on: str,
    facts: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Judge the plan and the host before a rollout, in seconds."""
    from glm_deploy.report import say, show_report
    from glm_deploy.rules import judge

    plan = load_plan(profile, name, settings, allow)
    observed = load_facts(facts, (plan.spec.port,), plan.spec.host)
    own = judging(plan, quiet=True)
    report = judge(plan.spec, observed, allow=plan.allow, catalogue=own)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        if not quiet:
            say(f"profile {plan.spec.profile} against {facts or 'this host'}")
        show_report(report, sys.stdout, quiet=quiet)
    return ExitCode.FINDINGS if report.at_or_above(Severity(fail_on)) else ExitCode.GOOD
