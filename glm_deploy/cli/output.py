"""Writes what a command produces: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import click

from glm_deploy.errors import HostError


def write_file(path: Path, text: str) -> None:
    """Write a file in one step: a full disk or a kill leaves the old one, or none.

    A new file gets the mode that the umask gives; an existing one keeps its own. A link stays a
    link to the file. What is no file (a device, a pipe) is written to and never replaced.

    Raises:
        HostError: it cannot be written.
    """
    # Most runs print; tempfile takes long to import.
    import tempfile

    temporary = None
    try:
        path = path.resolve()
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as handle:
            temporary = Path(handle.name)
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise HostError(
            f"{path} cannot be written: {error.strerror}",
            remedy="Choose another place with --output, or leave it out to print.",
        ) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def emit(text: str, output: str | None) -> None:
    """Print `text`, or write it to the file or folder `output`."""
    if output is None or output == "-":
        click.echo(text, nl=not text.endswith("\n"))
    else:
        write_file(Path(output), text)
