"""`glm-deploy probe`: what can be observed on this host, as JSON."""

from __future__ import annotations

import click

from glm_deploy.cli.output import emit


@click.command()
@click.option(
    "--port",
    "ports",
    type=click.IntRange(1, 65535),
    multiple=True,
    help="A TCP port to look at as well. Repeatable.",
)
@click.option("-o", "--output", metavar="PATH", help="A file to write to [stdout].")
def probe(ports: tuple[int, ...], output: str | None) -> None:
    """Print the facts of this host as JSON.

    `glm-deploy preflight --facts FILE` judges them anywhere.
    """
    from glm_deploy.host.probe import probe as observe

    emit(observe(ports).model_dump_json(indent=2) + "\n", output)
