"""`glm-deploy import`: turn a launch that somebody else wrote into a profile."""

from __future__ import annotations

import click

from glm_deploy.cli.foreign import beside, read_input, target_of, target_options
from glm_deploy.errors import ExitCode, UsageError


@click.command(name="import")
@click.argument("file", default="-")
@target_options
@click.option("--service", metavar="NAME", help="Which launch, where FILE holds several.")
def import_(file: str, image: str | None, release: str | None, service: str | None) -> int:
    """Write the profile that plans to the same command and variables; FILE or standard input.

    It extends the nearest shipped profile. What a profile cannot say is listed on stderr.
    """
    from glm_deploy.cli.inputs import fetch
    from glm_deploy.lint.judge import lint
    from glm_deploy.lint.to_profile import to_profile
    from glm_deploy.profile.load import resolve
    from glm_deploy.profile.shipped import shipped_names
    from glm_deploy.report import say

    text, where = read_input(file)
    linted = lint(text, where, target_of(image, release), beside(file))
    named = {j.reading.foreign.name or j.reading.foreign.kind: j for j in linted.judged}
    if service is None and len(linted.judged) == 1:
        judged = linted.judged[0]
    elif service in named:
        judged = named[service]
    else:
        raise UsageError(
            f"{where} holds {len(linted.judged)} launches", remedy=f"--service {'|'.join(named)}"
        )
    bases = {name: resolve(name, fetch) for name in shipped_names()}
    imported = to_profile(judged.reading, bases, where)
    click.echo(imported.text, nl=False)
    for line in imported.left:
        say(f"not taken over: {line}")
    return ExitCode.GOOD
