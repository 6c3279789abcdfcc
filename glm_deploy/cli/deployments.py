"""`glm-deploy status`, `logs` and `down`: find what was deployed, by its labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from glm_deploy.errors import HostError
from glm_deploy.report import say, table

if TYPE_CHECKING:
    from glm_deploy.lifecycle.deployment import Deployment, Runtime

name_option = click.option("--name", metavar="NAME", help="The deployment [the only one].")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def runtimes() -> list[Runtime]:
    """The runtimes of this host: Docker where it answers, and rehearsal processes.

    Raises:
        HostError: Docker does not answer and there is no rehearsal process either.
    """
    from glm_deploy.lifecycle.docker import connect
    from glm_deploy.lifecycle.process import ProcessRuntime

    processes = ProcessRuntime()
    try:
        return [connect(), processes]
    except HostError:
        if not processes.deployments():
            raise
        return [processes]


@click.command()
@name_option
@json_option
def status(name: str | None, as_json: bool) -> None:
    """Show every deployment on this host, and whether it can generate."""
    found = [
        deployment
        for runtime in runtimes()
        for deployment in runtime.deployments()
        if name in (None, deployment.name)
    ]
    rows = [(deployment, _health(deployment)) for deployment in found]
    if as_json:
        click.echo(json.dumps([d.to_json() | {"health": health} for d, health in rows], indent=2))
    elif not rows:
        say("nothing is deployed here; start with: glm-deploy up")
    else:
        columns = ("NAME", "STATE", "HEALTH", "PROFILE", "PLAN", "ENDPOINT", "MODEL")
        click.echo(
            table(
                columns,
                [
                    (
                        d.name + (" (rehearsal)" if d.rehearsal else ""),
                        d.state + (f" ({d.exit_code})" if d.exit_code is not None else ""),
                        health,
                        d.profile,
                        d.plan[:12],
                        d.endpoint,
                        d.served_name,
                    )
                    for d, health in rows
                ],
            )
        )


def _health(deployment: Deployment) -> str:
    from glm_deploy.server.client import Client

    if deployment.state != "running":
        return "down"
    with Client(deployment.endpoint) as client:
        code = client.health()
    return {200: "ready", 503: "not ready", None: "no answer"}.get(code, str(code))


@click.command()
@name_option
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("-n", "--tail", type=click.IntRange(1), help="Only the last lines [all].")
def logs(name: str | None, follow: bool, tail: int | None) -> None:
    """Print the log of a deployment, API keys left out."""
    from glm_deploy.lifecycle.deployment import pick
    from glm_deploy.lifecycle.redaction import redacted

    runtime, deployment = pick(runtimes(), name)
    for piece in redacted(runtime.log(deployment, follow=follow, tail=tail)):
        click.echo(piece, nl=False)


@click.command()
@name_option
def down(name: str | None) -> None:
    """Stop a deployment and remove it; its caches stay."""
    from glm_deploy.lifecycle.deployment import pick
    from glm_deploy.lifecycle.places import lock

    runtime, deployment = pick(runtimes(), name)
    with lock(deployment.name):
        say(f"stopping {deployment.name} ({deployment.endpoint})")
        runtime.stop(deployment, remove=True)
    say(f"{deployment.name} is down")
