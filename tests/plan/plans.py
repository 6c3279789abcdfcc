"""Plans made of shipped profiles and of files, without the environment or any cache."""

from __future__ import annotations

from glm_deploy.cli.inputs import fetch
from glm_deploy.plan import make_plan
from glm_deploy.profile.load import resolve
from glm_deploy.profile.overrides import parse_set
from glm_deploy.profile.shipped import shipped_names

SHIPPED = shipped_names()


def plan_of(profile="sm120-tp8", *settings, name="box", allow=()):
    """The plan of a profile with `--set` arguments laid over it."""
    resolved = resolve(profile, fetch, map(parse_set, settings))
    return make_plan(resolved, name=name, home="/home/operator", allow=allow)


def flags(plan):
    """Each flag of argv with its words."""
    return {decision.subject: decision.words[1:] for decision in plan.flags}
