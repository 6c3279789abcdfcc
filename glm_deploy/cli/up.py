"""`glm-deploy up`: bring the server up, proven, or say why not."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from glm_deploy.cli.catalogues import judging
from glm_deploy.cli.inputs import load_facts, load_plan, plan_options
from glm_deploy.errors import ExitCode, HostError
from glm_deploy.model import Severity
from glm_deploy.report import Progress, say, show_report
from glm_deploy.sglang.boot_log import Phase
from glm_deploy.simulator.settings import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.lifecycle.deployment import Deployment, Runtime
    from glm_deploy.lifecycle.stage import Stage, Where
    from glm_deploy.model import LaunchSpec, Plan
    from glm_deploy.server.client import Client
    from glm_deploy.sglang.boot_log import BootEvent

HEALTHY = 200


@click.command()
@plan_options
@click.option("--facts", metavar="FILE", help="Judge recorded facts (`-`: stdin), not this host.")
@click.option("--rehearse", is_flag=True, help="The same plan on a simulator, without any GPU.")
@click.option(
    "--rehearse-in",
    type=click.Choice(["auto", "docker", "process"]),
    default="auto",
    show_default=True,
    help="Where to rehearse: in Docker if it answers, else as a process.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0.1, max=100_000),
    default=100.0,
    show_default=True,
    help="How many times faster than the real engine a rehearsal boots.",
)
@click.option(
    "--scenario",
    type=click.Choice([name.value for name in Scenario if name is not Scenario.NONE]),
    help="A failure to rehearse.",
)
def up(
    profile: str,
    name: str | None,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    facts: str | None,
    rehearse: bool,
    rehearse_in: Where,
    speed: float,
    scenario: str | None,
) -> int:
    """Bring the server up and prove it with one completed generation.

    Plan, rules and preflight come first: a launch that cannot work is not tried.
    """
    from glm_deploy.lifecycle import stage as stages
    from glm_deploy.lifecycle.deployment import already_running
    from glm_deploy.lifecycle.places import lock

    plan = load_plan(profile, name, settings, allow)
    with lock(plan.spec.name), _client(plan.spec) as client:
        try:
            if rehearse:
                stage = stages.rehearsal(
                    plan.spec, where=rehearse_in, speed=speed, scenario=scenario
                )
            else:
                stage = stages.real(plan.spec)
        except HostError:
            # Docker alone would hide what is wrong with the plan and the host.
            if not _preflight(plan, facts, rehearsing=rehearse):
                return ExitCode.FINDINGS
            raise
        with _saying_what_is_left(stage.runtime, plan.spec.name):
            running = already_running(stage.runtime, stage.spec)
            if running and client.health() == HEALTHY:
                say(f"{running.name} is up already, with the same plan")
                click.echo(f"{plan.spec.endpoint}/v1")
                return ExitCode.GOOD
            if not running:
                if not _preflight(plan, facts, rehearsing=rehearse):
                    return ExitCode.FINDINGS
                running, stage = stages.start(stage)
                _say_left_out(stage)
            _follow(stage.runtime, running, stage.spec, client)
    return ExitCode.GOOD


def _client(spec: LaunchSpec) -> Client:
    from glm_deploy.lifecycle.api_key import read_api_key
    from glm_deploy.server.client import Client

    return Client(spec.endpoint, read_api_key(spec.api_key_file) if spec.api_key_file else None)


def _say_left_out(stage: Stage) -> None:
    if stage.rehearsal:
        say("rehearsal; left out of it:")
    for line in stage.left_out:
        say(f"  {line}")


def _preflight(plan: Plan, facts: str | None, *, rehearsing: bool) -> bool:
    """Show what is wrong with plan and host; whether the launch may go on.

    The port is looked at on this host even when the facts are recorded: it is here that the
    server will bind it.
    """
    from glm_deploy.facts import Facts
    from glm_deploy.host.ports import observe_ports
    from glm_deploy.rules import CATALOGUE, judge

    spec = plan.spec
    here = {"ports": observe_ports((spec.port,), spec.host)}
    if rehearsing:
        observed = Facts()
        asked = [rule for rule in CATALOGUE.values() if set(rule.needs) <= {"ports"}]
    else:
        observed = load_facts(facts, (), spec.host)
        asked = list(CATALOGUE.values())
    report = judge(
        spec,
        observed.model_copy(update=here),
        allow=plan.allow,
        rules=asked,
        catalogue=judging(plan),
    )
    show_report(report, sys.stderr, quiet=True)
    return not report.at_or_above(Severity.ERROR)


def _follow(runtime: Runtime, deployment: Deployment, spec: LaunchSpec, client: Client) -> None:
    from glm_deploy.lifecycle.up import bring_up

    say(f"{deployment.name} started, waiting for {spec.endpoint}/health")
    with Progress() as progress:
        done = bring_up(runtime, deployment, spec, client, partial(_show, progress))
    say(
        f"ready after {done.boot_seconds:.0f} s; first answer in "
        f"{done.acceptance.seconds:.1f} s: {done.acceptance.text[:70]}"
    )
    click.echo(f"{spec.endpoint}/v1")


def _show(progress: Progress, event: BootEvent) -> None:
    tokens = event.numbers.get("tokens")
    detail = f"{tokens:,.0f} tokens" if event.phase is Phase.KV_CACHE and tokens else ""
    progress.phase(event.phase, event.phase.rank, event.done, event.total, detail)


@contextmanager
def _saying_what_is_left(runtime: Runtime, name: str) -> Iterator[None]:
    """On Ctrl-C say what is left on this host and how to remove it."""
    try:
        yield
    except KeyboardInterrupt:
        for found in runtime.deployments():
            if found.name == name:
                say(
                    f"interrupted: deployment {name} is left {found.state}; remove it: "
                    f"glm-deploy down --name {name}"
                )
        raise
