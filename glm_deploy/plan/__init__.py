"""Turns a profile into a plan: one launch spec, and a *because* for every value in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from glm_deploy.errors import UsageError
from glm_deploy.model import Decision, Engine, LaunchSpec, Origin, Plan
from glm_deploy.plan.container import container_decisions, labels, launch_spec
from glm_deploy.plan.flags import (
    Value,
    declined_flags,
    in_reading_order,
    profile_env,
    profile_flags,
)
from glm_deploy.rules import CATALOGUE, Case
from glm_deploy.rules.case import LAUNCHER
from glm_deploy.sglang.catalogue import UnknownCatalogue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.profile.load import Resolved
    from glm_deploy.profile.schema import Profile
    from glm_deploy.sglang.catalogue import Catalogue


def make_plan(
    resolved: Resolved,
    *,
    name: str,
    home: str,
    allow: Iterable[str] = (),
    catalogue: Catalogue | None = None,
) -> Plan:
    """Decide everything: the profile's values first, then what rules fill in.

    `name` is the deployment's name, `home` the absolute path that `~` stands for. `catalogue` is
    the image's own parser where it was captured: nothing about the engine is guessed then.

    Raises:
        UsageError: the profile names a flag catalogue that there is not.
    """
    flags = profile_flags(resolved)
    env = profile_env(resolved)
    engine = _engine(resolved.profile, catalogue)
    case = _case(_spec(resolved.profile, engine, flags, env, name, home), catalogue)
    declined = {*flags, *declined_flags(resolved.profile), *resolved.profile.undecided}
    for subject, value in _rule_choices(case, declined, env):
        (flags if subject.startswith("--") else env)[subject] = value
    flags = in_reading_order(flags, resolved.profile)
    spec = _spec(resolved.profile, engine, flags, env, name, home)
    spec = replace(spec, labels=labels(spec))
    decisions = (
        *(
            Decision(flag, " ".join(value.words), value.origin, (flag, *value.words))
            for flag, value in flags.items()
        ),
        *(Decision(variable, value.words[0], value.origin) for variable, value in env.items()),
        *container_decisions(resolved, spec),
    )
    parser = f"sglang {catalogue.version}: {catalogue.source}" if catalogue else ""
    return Plan(spec, decisions, tuple(allow), parser)


def _spec(
    profile: Profile,
    engine: Engine,
    flags: dict[str, Value],
    env: dict[str, Value],
    name: str,
    home: str,
) -> LaunchSpec:
    argv = (*LAUNCHER, *(w for flag, value in flags.items() for w in (flag, *value.words)))
    variables = {variable: value.words[0] for variable, value in env.items()}
    return launch_spec(profile, engine, argv, variables, name=name, home=home)


def _rule_choices(case: Case, flags: set[str], env: dict[str, Value]) -> list[tuple[str, Value]]:
    """What rules decide where neither the profile nor an override did."""
    choices = []
    for item in CATALOGUE.values():
        if not item.applies(case):
            continue
        for subject, value in item.decides(case).items():
            taken = case.has(subject) if subject.startswith("--") else subject in env
            if not taken and subject not in flags:
                origin = Origin("rule", item.id, item.title)
                bare = subject.startswith("--") and value == ""
                choices.append((subject, Value(() if bare else (value,), origin)))
    return choices


def _engine(profile: Profile, captured: Catalogue | None) -> Engine:
    """What the profile says of the image's engine; a captured parser knows better."""
    engine = profile.image.engine
    if captured is None:
        return Engine(engine.version, engine.parser, engine.patched)
    # A fork's catalogue names a commit, where rules compare release numbers.
    version = captured.version if captured.version[:1].isdigit() else engine.version
    return Engine(version, engine.parser, patched=False)


def _case(draft: LaunchSpec, captured: Catalogue | None) -> Case:
    try:
        return Case(draft, catalogue=captured)
    except UnknownCatalogue as error:
        raise UsageError(
            f"image.engine.parser: {error}",
            remedy="Name the one that is nearest to the image, and set image.engine.patched=true.",
        ) from None
