"""`glm-deploy explain`: why a rule exists, or who sets a flag or variable and why."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import click

from glm_deploy.cli.catalogues import captured
from glm_deploy.cli.inputs import load_plan
from glm_deploy.errors import UsageError
from glm_deploy.profile.schema import OWNED_FLAGS
from glm_deploy.profile.shipped import shipped_names
from glm_deploy.rules import CATALOGUE, find
from glm_deploy.rules.page import as_json as rule_as_json
from glm_deploy.rules.page import page, reference
from glm_deploy.sglang.catalogue import load

if TYPE_CHECKING:
    from glm_deploy.model import Plan
    from glm_deploy.sglang.catalogue import Catalogue
    from glm_deploy.sglang.option import Option


# Unknown options are let through: the flag to explain is written as the engine writes it.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("subject", required=False, type=click.UNPROCESSED)
@click.option("-p", "profile", metavar="PROFILE", help="Look in this profile [all shipped ones].")
@click.option("--set", "settings", multiple=True, metavar="KEY.PATH=VALUE", help="As in render.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print the page of every rule.")
def explain(
    subject: str | None,
    profile: str | None,
    settings: tuple[str, ...],
    as_json: bool,
    markdown: bool,
) -> None:
    """Explain a rule ID, an engine flag, an environment variable or a profile key.

    Without a SUBJECT it lists the rules.
    """
    if markdown:
        click.echo(reference(), nl=False)
    elif subject is None:
        _list_rules(as_json)
    elif rule := find(subject):
        click.echo(json.dumps(rule_as_json(rule), indent=2) if as_json else page(rule).rstrip())
    else:
        names = (profile,) if profile else shipped_names()
        _explain_subject(subject, [load_plan(n, None, settings, ()) for n in names], as_json)


def _list_rules(as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([rule_as_json(rule) for rule in CATALOGUE.values()], indent=2))
        return
    from glm_deploy.report import table

    rows = [(rule.id, rule.severity, rule.title) for rule in CATALOGUE.values()]
    click.echo(table(("RULE", "SEVERITY", "TITLE"), rows))


def _explain_subject(written: str, plans: list[Plan], as_json: bool) -> None:
    subject = _canonical(written, plans)
    option = _option(subject, plans[0])
    values = [
        {"profile": plan.spec.profile, "value": d.value, "because": str(d.because)}
        for plan in plans
        for d in plan.decisions
        if d.subject == subject
    ]
    rules = [r for r in CATALOGUE.values() if {subject, written}.intersection(r.subjects)]
    if not (option or values or rules):
        raise _unknown(written, plans)
    if as_json:
        data: dict[str, Any] = {
            "subject": subject,
            "values": values,
            "rules": [rule_as_json(rule) for rule in rules],
            "engine": _option_json(option) if option else None,
        }
        click.echo(json.dumps(data, indent=2))
        return
    click.echo(subject)
    if option:
        click.echo(_option_line(option, subject, plans[0]))
    for value in values:
        shown = value["value"] or "(given)"
        click.echo(f"  {value['profile']}: {shown}  <- {value['because']}")
    if not values and option:
        click.echo("  no profile and no rule sets it: the engine's default holds")
    for rule in rules:
        click.echo(f"\n{page(rule).rstrip()}")


def _canonical(written: str, plans: list[Plan]) -> str:
    """The long name of a flag, whatever alias, value or profile key it was written with."""
    word = written.partition("=")[0]
    subject = word if word.startswith("-") else _subject_of_key(word, plans)
    return _parser(plans[0]).canonical(subject) or subject


def _subject_of_key(key: str, plans: list[Plan]) -> str:
    """The flag or variable that a profile key (`server.port`, `env.NAME`) stands for."""
    section, _, rest = key.partition(".")
    if section == "env" and rest:
        return rest
    if section == "engine" and rest:
        name = rest.removeprefix("extra_args.")
        return name if name.startswith("--") else f"--{name.replace('_', '-')}"
    flags = [flag for flag, owner in OWNED_FLAGS.items() if owner == key]
    decided = {decision.subject for plan in plans for decision in plan.decisions}
    return next((flag for flag in flags if flag in decided), flags[0] if flags else key)


def _parser(plan: Plan) -> Catalogue:
    """The image's own parser where it was captured, else the one the profile names."""
    found = captured(plan.spec.image)
    return found.catalogue if found else load(plan.spec.engine.parser)


def _option(subject: str, plan: Plan) -> Option | None:
    return _parser(plan).find(subject)


def _option_json(option: Option) -> dict[str, Any]:
    return {"flags": option.flags, "choices": option.choices, "default": option.default}


def _option_line(option: Option, subject: str, plan: Plan) -> str:
    parts = [f"engine default: {option.default}"]
    if option.choices:
        parts.append(f"choices: {', '.join(map(str, option.choices))}")
    aliases = [flag for flag in option.flags if flag != subject]
    if aliases:
        parts.append(f"also written {', '.join(aliases)}")
    return f"  {_parser(plan).name}: {'; '.join(parts)}"


def _unknown(written: str, plans: list[Plan]) -> UsageError:
    known = {subject for rule in CATALOGUE.values() for subject in (rule.id, *rule.subjects)}
    known |= {flag for o in _parser(plans[0]).options for flag in o.flags}
    known |= {decision.subject for plan in plans for decision in plan.decisions}
    close = difflib.get_close_matches(written, sorted(known), n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return UsageError(
        f"{written} is no rule, engine flag, variable or profile key that is known{hint}",
        remedy="`glm-deploy explain` lists the rules.",
    )
