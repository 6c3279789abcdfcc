"""Validated profile data with the attributes of the schema, without loading the schema."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from glm_deploy.profile.paths import FREE_MAPS, VALUE_MAPS

if TYPE_CHECKING:
    from glm_deploy.profile.schema import Profile


def view(data: dict[str, Any]) -> Profile:
    """What `validate` returned, read like the `Profile` it came from.

    The type is the schema's for the reader's and mypy's sake: the object has every attribute of
    it. Maps that are values stay plain maps.
    """
    return cast("Profile", _section(data, ()))


def _section(data: dict[str, Any], at: tuple[str, ...]) -> SimpleNamespace:
    fields = {}
    for key, value in data.items():
        path = (*at, key)
        is_section = isinstance(value, dict) and path not in (*FREE_MAPS, *VALUE_MAPS)
        fields[key] = _section(value, path) if is_section else value
    return SimpleNamespace(**fields)
