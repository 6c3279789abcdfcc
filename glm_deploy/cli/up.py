"""`glm-deploy up`: bring the server up, proven, or say why not."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from glm_deploy.cli.inputs import load_facts, load_plan, plan_options
from glm_deploy.errors import ExitCode, HostError, LaunchError
from glm_deploy.model import Severity
from glm_deploy.report import Progress, say, show_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.facts import Facts
    from glm_deploy.lifecycle.deployment import Deployment, Runtime
    from glm_deploy.lifecycle.rehearsal import Rehearsal
    from glm_deploy.model import LaunchSpec, Plan
    from glm_deploy.server.client import Client
    from glm_deploy.sglang.boot_log import BootEvent


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
@click.option("--scenario", metavar="NAME", help="A failure to rehearse, for example oom-at-load.")
def up(
    profile: str,
    name: str | None,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    facts: str | None,
    rehearse: bool,
    rehearse_in: str,
    speed: float,
    scenario: str | None,
) -> int:
    """Bring the server up and prove it with one completed generation.

    Plan, rules and preflight come first: a launch that cannot work is not tried.
    """
    from glm_deploy.lifecycle.api_key import read_api_key
    from glm_deploy.lifecycle.places import lock
    from glm_deploy.server.client import Client

    plan = load_plan(profile, name, settings, allow)
    rehearsal = _rehearsal(plan.spec, speed, scenario) if rehearse else None
    with lock(plan.spec.name):
        if not _preflight(plan, facts, rehearsing=rehearse):
            return ExitCode.FINDINGS
        api_key = read_api_key(plan.spec.api_key_file) if plan.spec.api_key_file else None
        with Client(plan.spec.endpoint, api_key) as client:
            if rehearsal:
                _bring_up_rehearsal(rehearsal, rehearse_in, client)
            else:
                _bring_up_real(plan.spec, client)
    return ExitCode.GOOD


def _rehearsal(spec: LaunchSpec, speed: float, scenario: str | None) -> Rehearsal:
    from glm_deploy.lifecycle.rehearsal import rehearse

    return rehearse(spec, speed=speed, scenario=scenario)


def _preflight(plan: Plan, facts: str | None, *, rehearsing: bool) -> bool:
    """Show what is wrong with plan and host; whether the launch may go on.

    The port is looked at on this host even when the facts are recorded: it is here that the
    server will bind it.
    """
    from glm_deploy.host.ports import observe_ports
    from glm_deploy.rules import CATALOGUE, judge

    spec = plan.spec
    here = {"ports": observe_ports((spec.port,), spec.host)}
    observed: Facts
    if rehearsing:
        from glm_deploy.facts import Facts as NoFacts

        observed = NoFacts()
        asked = [rule for rule in CATALOGUE.values() if set(rule.needs) <= {"ports"}]
    else:
        observed = load_facts(facts, (), spec.host)
        asked = list(CATALOGUE.values())
    report = judge(spec, observed.model_copy(update=here), allow=plan.allow, rules=asked)
    show_report(report, sys.stderr, quiet=True)
    return not report.at_or_above(Severity.ERROR)


def _bring_up_real(spec: LaunchSpec, client: Client) -> None:
    from glm_deploy.lifecycle.docker import connect

    docker = connect()
    _refuse_second(docker, spec)
    if not docker.image_present(spec.image):
        say(f"pulling {spec.image}")
        docker.pull(spec.image, lambda line: None)
    _follow(docker, docker.start(spec), spec, client)


def _bring_up_rehearsal(rehearsal: Rehearsal, where: str, client: Client) -> None:
    from dataclasses import replace

    from glm_deploy.lifecycle.docker import connect
    from glm_deploy.lifecycle.docker_messages import MEMLOCK_REFUSED
    from glm_deploy.lifecycle.process import ProcessRuntime
    from glm_deploy.lifecycle.rehearsal import without_docker, without_memlock
    from glm_deploy.lifecycle.simulator_image import simulator_image

    runtime: Runtime
    try:
        if where == "process":
            raise HostError("a process was asked for", remedy="--rehearse-in docker")
        runtime = connect()
        rehearsal = replace(rehearsal, spec=replace(rehearsal.spec, image=simulator_image(runtime)))
    except (HostError, LaunchError) as error:
        if where == "docker":
            raise
        runtime = ProcessRuntime()
        rehearsal = without_docker(rehearsal, error.message)
    _refuse_second(runtime, rehearsal.spec)
    try:
        deployment = runtime.start(rehearsal.spec)
    except LaunchError as error:
        if MEMLOCK_REFUSED not in error.message:
            raise
        rehearsal = without_memlock(rehearsal)
        deployment = runtime.start(rehearsal.spec)
    say("rehearsal; left out of it:")
    for line in rehearsal.left_out:
        say(f"  {line}")
    _follow(runtime, deployment, rehearsal.spec, client)


def _refuse_second(runtime: Runtime, spec: LaunchSpec) -> None:
    """An ended deployment of this name makes way; a living one is never touched."""
    from glm_deploy.lifecycle.deployment import find

    found = find([runtime], spec.name)
    if found is None:
        return
    _, deployment = found
    if deployment.state in ("exited", "created", "dead"):
        say(f"removing the ended deployment {deployment.name}")
        runtime.stop(deployment, remove=True)
        return
    raise LaunchError(
        f"deployment {spec.name} exists already ({deployment.state}, {deployment.endpoint})",
        remedy=f"glm-deploy down --name {spec.name}, or give this one a name and a port of its "
        "own: --name NAME --set server.port=PORT",
    )


def _follow(runtime: Runtime, deployment: Deployment, spec: LaunchSpec, client: Client) -> None:
    from glm_deploy.lifecycle.up import bring_up

    say(f"{deployment.name} started, waiting for {spec.endpoint}/health")
    with _left_running(spec.name), Progress() as progress:

        def show(event: BootEvent) -> None:
            progress.phase(event.phase, event.done, event.total, event.detail)

        done = bring_up(runtime, deployment, spec, client, show)
    say(
        f"ready after {done.boot_seconds:.0f} s; first answer in "
        f"{done.acceptance.seconds:.1f} s: {done.acceptance.text[:70]}"
    )
    click.echo(f"{spec.endpoint}/v1")


@contextmanager
def _left_running(name: str) -> Iterator[None]:
    """On Ctrl-C say what is left running and how to remove it."""
    try:
        yield
    except KeyboardInterrupt:
        say(
            f"interrupted: deployment {name} is left running; remove it: glm-deploy down "
            f"--name {name}"
        )
        raise
