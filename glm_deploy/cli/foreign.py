"""What `lint` and `import` share: the text they are given, and the files that lie beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glm_deploy.cli.inputs import read_text
from glm_deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from glm_deploy.facts import Facts
    from glm_deploy.lint.docker_run import Beside
    from glm_deploy.lint.judge import Linted
    from glm_deploy.lint.target import Target
    from glm_deploy.sglang.catalogue import Catalogue


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what a foreign launch is judged against."""
    options: tuple[Callable[..., Any], ...] = (
        click.option("--release", metavar="V", help="The sglang release in the image."),
        click.option("--image", metavar="REF", help="The image that it will run in."),
    )
    for option in options:
        command = option(command)
    return command


def read_input(file: str) -> tuple[str, str]:
    """The text of a file (`-` is standard input) and the name that errors give it.

    Raises:
        UsageError: it cannot be read, or is not UTF-8.
    """
    if file != "-":
        return read_text(Path(file), "the file"), file
    data = sys.stdin.buffer.read(10_000_000)
    try:
        return data.decode("utf-8"), "standard input"
    except UnicodeDecodeError:
        raise UsageError(
            "standard input is not UTF-8 text", remedy="Check that it is the text you meant."
        ) from None


def beside(file: str) -> Beside:
    """Reads files that a document names, but only such as lie in its own folder or below."""
    if file == "-":
        return lambda _: None
    folder = Path(file).resolve().parent

    def read(name: str) -> str | None:
        try:
            path = (folder / name).resolve()
            if not path.is_relative_to(folder) or not path.is_file():
                return None
            return read_text(path, "the file")
        except (UsageError, OSError, ValueError):
            return None

    return read


def target_of(
    image: str | None, release: str | None, gpus: str | None = None, facts: Facts | None = None
) -> Target:
    """What the options say about the place of the launch."""
    from glm_deploy.cli.catalogues import captured
    from glm_deploy.lint.target import Target

    def own(ref: str) -> Catalogue | None:
        found = captured(ref)
        return found.catalogue if found else None

    return Target(image, release, gpus, facts, own)


def understood(linted: Linted) -> list[str]:
    """What was read, in lines for people: launches, assumptions, what was not understood."""
    lines = []
    for judged in linted.judged:
        foreign, spec = judged.reading.foreign, judged.reading.spec
        line, _ = linted.lines.place(foreign.at)
        name = f"{foreign.kind} {foreign.name}".strip()
        model = spec.model.id or "a model that it does not name"
        lines.append(f"line {line}: {name}: sglang serving {model}")
        lines += [f"  {words}" for words in judged.reading.assumed]
        lines += [f"  not known: {reason}" for reason in judged.reading.doubts.values()]
        lines += [f"  not understood: {note.text}" for note in foreign.notes]
    for launch in linted.document.launches:
        if launch.engine != "SGLang":
            line, _ = linted.lines.place(launch.at)
            lines.append(f"line {line}: {launch.kind} {launch.name}: {launch.engine}, not judged")
    lines += [f"not understood: {note.text}" for note in linted.document.notes]
    return lines
