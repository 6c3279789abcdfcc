"""`glm-deploy flags`: the engine's own options, by release and by image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from glm_deploy.cli.catalogues import named
from glm_deploy.cli.flags_capture import capture
from glm_deploy.cli.flags_diff import diff
from glm_deploy.errors import UsageError

if TYPE_CHECKING:
    from glm_deploy.sglang.catalogue import Catalogue
    from glm_deploy.sglang.history import Span
    from glm_deploy.sglang.option import Option


@click.group()
def flags() -> None:
    """Look up, compare and capture the engine's own flags."""


flags.add_command(diff)
flags.add_command(capture)


@flags.command(name="list")
@click.option("--release", required=True, metavar="V", help="A release, or a captured image.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_flags(release: str, as_json: bool) -> None:
    """List every option of one release."""
    from glm_deploy.report import table

    found = named(release)
    rows = [option_as_json(found, option) for option in found.options if not option.hidden]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    columns = ("FLAG", "TYPE", "DEFAULT", "CHOICES")
    click.echo(table(columns, [_row(row) for row in rows]))


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    count = {None: "", "+": " …", "*": " …"}.get(row["nargs"], f" x {row['nargs']}")
    kind = f"{row['type']}{count}" if row["type"] else "switch"
    default = "" if row["default"] is None else json.dumps(row["default"])
    choices = "|".join(map(str, row["choices"] or ()))
    return row["flag"], kind, default, choices if len(choices) <= 60 else f"{choices[:59]}…"


def option_as_json(found: Catalogue, option: Option) -> dict[str, Any]:
    """One option as the commands print it; `type` is null for a switch."""
    flag = found.canonical(option.flags[0]) or option.flags[0]
    switch = option.takes_no_value or option.action == "BooleanOptionalAction"
    return {
        "flag": flag,
        "aliases": [other for other in option.flags if other != flag],
        "choices": option.choices,
        "default": option.shown_default,
        "type": None if switch else option.type or "str",
        "nargs": None if switch else option.nargs,
        "deprecated": option.deprecated,
        "successor": option.successor,
    }


# The flag to show is written as the engine writes it.
@flags.command(context_settings={"ignore_unknown_options": True})
@click.argument("flag", type=click.UNPROCESSED)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(flag: str, as_json: bool) -> None:
    """Show one flag through all releases: since when, until when, with which choices."""
    from glm_deploy.sglang import catalogue, releases
    from glm_deploy.sglang.history import history

    word = flag if flag.startswith("-") else f"--{flag.replace('_', '-')}"
    word = word.partition("=")[0]
    spans = history(word)
    elsewhere = [
        name
        for name in catalogue.names()
        if name not in releases.versions() and catalogue.load(name).find(word)
    ]
    if not elsewhere and all(span.option is None for span in spans):
        raise _unknown(word)
    if as_json:
        click.echo(json.dumps(_history_as_json(word, spans, elsewhere), indent=2))
    else:
        click.echo("\n".join([word, *_lines(spans), *(f"  {name}: known" for name in elsewhere)]))


def _history_as_json(flag: str, spans: tuple[Span, ...], elsewhere: list[str]) -> dict[str, Any]:
    from glm_deploy.sglang.catalogue import load

    present = [span for span in spans if span.option]
    last = present[-1].last if present else None
    return {
        "flag": flag,
        "since": present[0].first if present else None,
        "until": None if last == spans[-1].last else last,
        "releases": [
            {"first": s.first, "last": s.last, **option_as_json(load(s.last), s.option)}
            for s in present
            if s.option
        ],
        "also_in": elsewhere,
    }


def _lines(spans: tuple[Span, ...]) -> list[str]:
    from glm_deploy.sglang.catalogue import load
    from glm_deploy.sglang.compare import find_successor

    lines = []
    for before, span in zip((None, *spans[:-1]), spans, strict=True):
        releases = span.first if span.first == span.last else f"{span.first} to {span.last}"
        if span.option:
            lines.append(f"  {releases}: {_summary(span.option)}")
        elif before and before.option:
            flag = next(iter(before.option.flags))
            instead, _ = find_successor(load(before.last), load(span.first), flag)
            lines.append(f"  {releases}: gone" + (f"; instead: {instead}" if instead else ""))
        else:
            lines.append(f"  {releases}: not there")
    return lines


def _summary(option: Option) -> str:
    parts = [f"default {json.dumps(option.shown_default)}"]
    if option.choices:
        parts.append(f"choices {', '.join(map(str, option.choices))}")
    if len(option.flags) > 1:
        parts.append(f"written {', '.join(option.flags)}")
    if option.refuses:
        parts.append(f"refused: {option.refuses}")
    elif option.deprecated:
        parts.append("deprecated" + (f", use {option.successor}" if option.successor else ""))
    return "; ".join(parts)


def _unknown(flag: str) -> UsageError:
    from glm_deploy.sglang import catalogue

    close = {name: None for n in catalogue.names() for name in catalogue.load(n).nearest(flag)}
    hint = f"; did you mean {' or '.join(list(close)[:3])}?" if close else ""
    return UsageError(
        f"no release knows {flag}{hint}",
        remedy="`glm-deploy flags list --release 0.5.23` lists what there is.",
    )
