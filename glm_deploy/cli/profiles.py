"""`glm-deploy profiles`: what there is to choose from."""

from __future__ import annotations

import json

import click

from glm_deploy.cli.inputs import load_profile
from glm_deploy.profile.shipped import shipped_names


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print every section and key of a profile.")
@click.option("--schema", "as_schema", is_flag=True, help="The same as `profiles schema`.")
@click.pass_context
def profiles(context: click.Context, as_json: bool, markdown: bool, as_schema: bool) -> None:
    """List the shipped profiles, each with the evidence behind it."""
    if context.invoked_subcommand:
        return
    from glm_deploy.profile.reference import reference
    from glm_deploy.report import table

    if markdown:
        click.echo(reference(), nl=False)
        return
    if as_schema:
        context.invoke(schema)
        return
    found = [load_profile(name).profile for name in shipped_names()]
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "name": profile.name,
                        "summary": profile.summary,
                        "evidence": vars(profile.evidence),
                    }
                    for profile in found
                ],
                indent=2,
            )
        )
        return
    rows = [(p.name, p.evidence.basis, p.summary) for p in found]
    click.echo(table(("PROFILE", "EVIDENCE", "SUMMARY"), rows))


@profiles.command()
def schema() -> None:
    """Print the JSON Schema of profiles, for editors."""
    from glm_deploy.cli.profile_schema import profile_schema

    click.echo(json.dumps(profile_schema(), indent=1))
