"""`glm-deploy flags diff`: what an upgrade changes, and what of it a profile feels."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from glm_deploy.cli.catalogues import named

if TYPE_CHECKING:
    from glm_deploy.model import Plan
    from glm_deploy.sglang.catalogue import Catalogue
    from glm_deploy.sglang.compare import Change

# In the order of how much they matter to the one who upgrades.
HEADINGS = {
    "removed": "gone, without a successor",
    "renamed": "gone, with a successor",
    "refused": "known, but now refused",
    "choices": "choices",
    "values": "written another way",
    "default": "defaults",
    "deprecated": "deprecated",
    "added": "new",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What a profile's plan feels of a change of engine.

    `argv` are the flags that rules decide in another way there, `starts` and `stops` the rules
    whose finding comes or goes, `holds` and `released` those that begin or cease to apply.
    """

    changes: list[Change]
    argv: dict[str, tuple[str | None, str | None]]
    starts: dict[str, str]
    stops: dict[str, str]
    holds: dict[str, str]
    released: dict[str, str]


@click.command()
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("-p", "--profile", metavar="PROFILE", help="Only what touches this profile.")
@click.option("--set", "settings", multiple=True, metavar="KEY.PATH=VALUE", help="As in render.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(old: str, new: str, profile: str | None, settings: tuple[str, ...], as_json: bool) -> None:
    """Compare two releases, or images that were captured.

    With a profile: only the flags it gives, the defaults it relies on, and the rules that start
    or stop to hold.
    """
    from glm_deploy.sglang.compare import compare

    before, after = named(old), named(new)
    changes = compare(before, after)
    if profile is None:
        if as_json:
            click.echo(json.dumps({"old": old, "new": new, "changes": _as_data(changes)}, indent=2))
        else:
            click.echo("\n".join(_lines(changes)) or "nothing changes")
        return
    advice = _advise(profile, settings, before, after, changes)
    if as_json:
        data = {**asdict(advice), "changes": _as_data(advice.changes)}
        click.echo(json.dumps({"old": old, "new": new, "profile": profile, **data}, indent=2))
    else:
        click.echo("\n".join(_advice_lines(advice)) or f"nothing changes for {profile}")


def _as_data(changes: list[Change]) -> list[dict[str, Any]]:
    return [asdict(change) for change in changes]


def _lines(changes: list[Change]) -> list[str]:
    lines = []
    for kind, heading in HEADINGS.items():
        found = [change for change in changes if change.kind == kind]
        if found:
            lines.append(f"{heading} ({len(found)})")
            lines += [f"  {_line(change)}" for change in found]
    return lines


def _line(change: Change) -> str:
    if change.kind == "default":
        return f"{change.flag}: {json.dumps(change.before)} -> {json.dumps(change.after)}"
    if change.kind == "choices":
        words = [f"-{choice}" for choice in change.before] + [f"+{c}" for c in change.after]
        return f"{change.flag}: {' '.join(words)}"
    if change.kind == "values":
        return f"{change.flag}: {change.before} -> {change.after}"
    text = f"{change.flag}: {change.after}" if change.kind == "refused" else change.flag
    if change.successor:
        text += f" -> {change.successor}"
    return f"{text} ({change.source})" if change.source else text


def _advise(
    profile: str,
    settings: tuple[str, ...],
    before: Catalogue,
    after: Catalogue,
    changes: list[Change],
) -> Advice:
    from glm_deploy.rules import CATALOGUE, Case, judge
    from glm_deploy.sglang.compare import touching

    plans = [_plan_on(profile, settings, engine) for engine in (before, after)]
    cases = [
        Case(plan.spec, catalogue=engine)
        for plan, engine in zip(plans, (before, after), strict=True)
    ]
    # The old command on the new engine: that is what an upgrade without a thought would run.
    given = dict(cases[0].flags)
    for item in before.read(cases[0].engine_argv).given:
        given.setdefault(item.written, item.values)
    found = [
        {f.rule: f.message for f in judge(case.spec, catalogue=case.catalogue).findings}
        for case in cases
    ]
    applies = [{r.id: r.title for r in CATALOGUE.values() if r.applies(case)} for case in cases]
    return Advice(
        changes=touching(changes, given),
        argv=_decided(*plans),
        starts=_only(found[1], found[0]),
        stops=_only(found[0], found[1]),
        holds=_only(applies[1], applies[0]),
        released=_only(applies[0], applies[1]),
    )


def _plan_on(profile: str, settings: tuple[str, ...], engine: Catalogue) -> Plan:
    """The profile's plan with the engine of a catalogue in its image."""
    from glm_deploy.cli.inputs import load_plan

    return load_plan(profile, None, settings, (), catalogue=engine)


def _decided(before: Plan, after: Plan) -> dict[str, tuple[str | None, str | None]]:
    """Flags and variables that rules decide in another way, with both values."""
    values = [
        {d.subject: d.value for d in plan.decisions if d.because.kind == "rule"}
        for plan in (before, after)
    ]
    subjects = sorted({*values[0], *values[1]})
    pairs = {subject: (values[0].get(subject), values[1].get(subject)) for subject in subjects}
    return {subject: pair for subject, pair in pairs.items() if pair[0] != pair[1]}


def _only(these: dict[str, str], those: dict[str, str]) -> dict[str, str]:
    return {key: text for key, text in these.items() if key not in those}


def _advice_lines(advice: Advice) -> list[str]:
    lines = _lines(advice.changes)
    if advice.argv:
        lines.append(f"decided by rules in another way ({len(advice.argv)})")
        lines += [f"  {s}: {a or 'left out'} -> {b or 'left out'}"
                  for s, (a, b) in advice.argv.items()]  # fmt: skip
    for heading, rules in (
        ("rules that start to object", advice.starts),
        ("rules that stop to object", advice.stops),
        ("rules that start to hold", advice.holds),
        ("rules that stop to hold", advice.released),
    ):
        if rules:
            lines.append(f"{heading} ({len(rules)})")
            lines += [f"  {rule}: {text}" for rule, text in rules.items()]
    return lines
