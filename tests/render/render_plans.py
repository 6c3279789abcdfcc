"""Plans to render: of the shipped profiles, and of a shipped profile with values laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glm_deploy.cli.inputs import fetch
from glm_deploy.model import Origin
from glm_deploy.plan import make_plan
from glm_deploy.profile.load import resolve
from glm_deploy.profile.overrides import Override
from glm_deploy.profile.shipped import shipped_names
from glm_deploy.render import FORMATS

if TYPE_CHECKING:
    from glm_deploy.model import Plan

PROFILES = shipped_names()
HOME = "/home/op"


def plan_of(
    profile: str = "sm120-tp8",
    values: dict[tuple[str, ...], Any] | None = None,
    name: str | None = None,
    allow: tuple[str, ...] = (),
) -> Plan:
    """The plan of a profile; `values` go through the schema as `--set` would put them."""
    overrides = [
        Override(path, value, Origin("override", f"--set {'.'.join(path)}"))
        for path, value in (values or {}).items()
    ]
    return make_plan(
        resolve(profile, fetch, overrides), name=name or profile, home=HOME, allow=allow
    )


def text_of(plan: Plan, target: str) -> str:
    """The one file that a target renders to."""
    [text] = FORMATS[target](plan).values()
    return text
