"""`glm-deploy flags capture`: read the parser inside an image or beside a Python, and keep it."""

from __future__ import annotations

import click

from glm_deploy.errors import UsageError


@click.command()
@click.argument("image", required=False)
@click.option("--python", "python", metavar="PATH", help="The python of a venv, not an image.")
@click.option("--gpus", is_flag=True, help="Hand out the GPUs: some images need the driver.")
def capture(image: str | None, python: str | None, gpus: bool) -> None:
    """Read an image's own parser and keep it; the other commands then judge by it.

    The image's python3 runs once, offline, without its entrypoint and without any GPU.
    """
    from glm_deploy.lifecycle import captures
    from glm_deploy.lifecycle.capture import capture_image, capture_python
    from glm_deploy.lifecycle.docker import connect
    from glm_deploy.report import say
    from glm_deploy.sglang.catalogue import from_json

    if bool(image) == bool(python):
        raise UsageError(
            "name an image or a python, one of them",
            remedy="glm-deploy flags capture IMAGE, or glm-deploy flags capture --python PATH",
        )
    if image:
        say(f"reading the parser in {image}")
        key, text = capture_image(connect(), image, gpus=gpus)
    else:
        key, text = capture_python(str(python))
    try:
        found = from_json(text)
    except ValueError as error:
        raise UsageError(
            f"{image or python} printed something else than its options: {error}",
            remedy="Something in it writes to stdout when Python starts, sitecustomize perhaps.",
        ) from None
    path = captures.save(key, text)
    say(f"kept as {path}")
    click.echo(f"sglang {found.version}: {len(found.options)} options, {len(found.by_flag)} names")
    for name, version in found.versions.items():
        shown = " ".join(version) if isinstance(version, list) else version
        click.echo(f"  {name}: {shown or 'unknown'}")
