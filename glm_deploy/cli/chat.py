"""`glm-deploy chat`: one question to a running deployment."""

from __future__ import annotations

import sys

import click

from glm_deploy.cli.deployments import name_option, runtimes

CHAT_TIMEOUT_S = 900.0


@click.command()
@click.argument("prompt")
@name_option
@click.option("--reasoning", is_flag=True, help="Print the model's reasoning too, on stderr.")
@click.option("--api-key-file", metavar="FILE", help="The server's key file (`api-key: ...`).")
def chat(prompt: str, name: str | None, reasoning: bool, api_key_file: str | None) -> None:
    """Ask a running deployment something and print the answer as it comes."""
    from glm_deploy.lifecycle.api_key import read_api_key
    from glm_deploy.lifecycle.deployment import pick
    from glm_deploy.server.client import Client

    _, deployment = pick(runtimes(), name)
    api_key = read_api_key(api_key_file) if api_key_file else None
    with Client(deployment.endpoint, api_key) as client:
        for kind, text in client.stream_chat(
            deployment.served_name, prompt, timeout_s=CHAT_TIMEOUT_S
        ):
            if kind == "content":
                click.echo(text, nl=False)
                sys.stdout.flush()
            elif reasoning:
                click.echo(text, nl=False, err=True)
    click.echo()
