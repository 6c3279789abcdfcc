"""What commands share: the options that name a plan, and the files those options lead to."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glm_deploy.cli.memory import CacheFolder
from glm_deploy.errors import UsageError
from glm_deploy.profile.load import Document, Resolved, default_name, resolve
from glm_deploy.profile.overrides import parse_environment, parse_set
from glm_deploy.profile.shipped import shipped_dir, shipped_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from glm_deploy.facts import Facts
    from glm_deploy.model import Plan
    from glm_deploy.sglang.catalogue import Catalogue

DEFAULT_PROFILE = "sm120-tp8"


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that makes a plan."""
    options: tuple[Callable[..., Any], ...] = (
        click.option("--allow", multiple=True, metavar="ID", help="Overrule a rule. Repeatable."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY.PATH=VALUE",
            help="Override a value of the profile; null unsets it. Repeatable.",
        ),
        click.option("--name", metavar="NAME", help="The deployment's name [the profile's]."),
        click.option(
            "-p",
            "--profile",
            default=DEFAULT_PROFILE,
            show_default=True,
            envvar="GLM_DEPLOY_PROFILE",
            show_envvar=True,
            help="A shipped profile, or the path of a YAML file.",
        ),
    )
    for option in options:
        command = option(command)
    return command


def fail_on_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The severity from which findings make the command fail."""
    return click.option(
        "--fail-on",
        type=click.Choice(["error", "warning", "info"]),
        default="error",
        show_default=True,
        help="Exit 1 on findings of this severity and worse.",
    )(command)


def load_profile(profile: str, settings: tuple[str, ...] = ()) -> Resolved:
    """The profile with everything laid over it: what it extends, the environment, `--set`."""
    overrides = [*parse_environment(os.environ), *map(parse_set, settings)]
    return resolve(profile, fetch, overrides, CacheFolder())


def load_plan(
    profile: str,
    name: str | None,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    catalogue: Catalogue | None = None,
) -> Plan:
    """The plan that the shared options name.

    It is made for the engine of `catalogue`; without one, for the image as it was captured, or
    for what the profile says of the image.
    """
    from glm_deploy.cli.catalogues import captured
    from glm_deploy.plan import make_plan
    from glm_deploy.rules import check_ids

    resolved = load_profile(profile, settings)
    deployment = _deployment_name(name or resolved.profile.name)
    image = resolved.profile.image
    found = captured(f"{image.ref}@{image.digest}" if image.digest else image.ref)
    return make_plan(
        resolved,
        name=deployment,
        home=str(Path.home()),
        allow=check_ids(allow),
        catalogue=catalogue or (found.catalogue if found else None),
    )


def _deployment_name(name: str) -> str:
    """Docker's own rule for the names of containers, which this becomes part of."""
    import re

    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,59}", name):
        raise UsageError(
            f"{name!r} cannot name a deployment",
            remedy="Use up to 60 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.",
        )
    return name


def fetch(ref: str, from_document: Document | None) -> Document:
    """The document of a shipped profile, or of a file (relative to the one that extends it).

    Raises:
        UsageError: there is no such profile, or its file cannot be read.
    """
    if ref in shipped_names():
        path = shipped_dir() / f"{ref}.yaml"
        return Document(ref, f"profiles/{ref}.yaml", path.read_text("utf-8"))
    if "/" not in ref and not ref.endswith((".yaml", ".yml")):
        raise _unknown_profile(ref)
    base = Path(from_document.where).parent if from_document else Path()
    # Normalised: a circle must come back to the very name it began with.
    path = Path(os.path.normpath(base / Path(ref).expanduser()))
    return Document(default_name(str(path)), str(path), read_text(path, "the profile"))


def _unknown_profile(ref: str) -> UsageError:
    names = shipped_names()
    close = difflib.get_close_matches(ref, names, n=3, cutoff=0.4)
    listed = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names)}"
    return UsageError(
        f"there is no profile {ref}; {listed}",
        remedy="`glm-deploy profiles` lists them; a file is named by its path, ./my.yaml",
    )


# A page of text is wanted: a disk image or /dev/zero must not fill the memory.
MAX_CHARACTERS = 10_000_000


def read_text(path: Path, what: str) -> str:
    """The text of a file.

    Raises:
        UsageError: it cannot be read, is not UTF-8, or is far too large.
    """
    try:
        with path.open(encoding="utf-8") as handle:
            text = handle.read(MAX_CHARACTERS + 1)
    except OSError as error:
        raise UsageError(
            f"{what} {path} cannot be read: {error.strerror}", remedy="Check the path."
        ) from None
    except UnicodeDecodeError:
        raise UsageError(
            f"{what} {path} is not UTF-8 text", remedy="Check that it is the file you meant."
        ) from None
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"{what} {path} holds more than {MAX_CHARACTERS:,} characters",
            remedy="Check that it is the file you meant.",
        )
    return text


def load_facts(path: str | None, ports: tuple[int, ...], host: str) -> Facts:
    """Recorded facts from a file (`-` is standard input), or those of this host."""
    from glm_deploy.facts import parse_facts

    if path == "-":
        return parse_facts(sys.stdin.read(), "standard input")
    if path:
        return parse_facts(read_text(Path(path), "the facts file"), path)
    from glm_deploy.host.probe import probe

    return probe(ports, host=host)
