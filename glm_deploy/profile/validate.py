"""Validates a profile against its schema, and says what is wrong, where, and what was meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from glm_deploy.errors import UsageError
from glm_deploy.profile.schema import Profile, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from glm_deploy.model import Origin
    from glm_deploy.profile.yaml_tree import Path


def validate(data: dict[str, Any], origins: Mapping[Path, Origin]) -> dict[str, Any]:
    """Check merged data against the schema; every key and normalised value of it as plain data.

    Raises:
        UsageError: it breaks the schema; the message has a line for each thing that is wrong.
    """
    try:
        return Profile.model_validate(data).model_dump(mode="json")
    except ValidationError as error:
        lines = list(dict.fromkeys(_describe(detail, origins) for detail in error.errors()))
        raise UsageError(
            "\n".join(lines),
            remedy="`glm-deploy profiles --markdown` describes every section and key.",
        ) from None


def _describe(detail: ErrorDetails, origins: Mapping[Path, Origin]) -> str:
    path = tuple(str(part) for part in detail["loc"])
    known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in origins), ())
    origin = origins.get(known)
    where = (origin.where or origin.name) if origin else "the profile"
    dotted = ".".join(known or path)
    if detail["type"] == "extra_forbidden":
        return f"{where}: {dotted} is not a key of a profile{_nearest(path)}"
    if detail["type"] == "missing":
        return f"{where}: {dotted} has no {path[-1]}" if known else f"the profile has no {path[-1]}"
    message = _PLAINLY.get(detail["type"], detail["msg"].removeprefix("Value error, "))
    return f"{where}: {dotted} = {detail['input']!r}: {message[:1].lower()}{message[1:]}"


# Pydantic's words where they name Python and not the profile.
_PLAINLY = {
    "model_type": "it is a section, a map of keys",
    "dict_type": "it is a map of keys",
    "bool_type": "it must be true or false",
}


def _nearest(path: Path) -> str:
    """Suggest the closest key of the section, or the section that has the very key."""
    keys = _keys_of(path[:-1])
    close = difflib.get_close_matches(path[-1].replace("-", "_").lstrip("_"), keys, n=1)
    if close:
        return f"; did you mean {'.'.join((*path[:-1], close[0]))}?"
    elsewhere = [s for s, f in Profile.model_fields.items() if path[-1] in _fields(f.annotation)]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}.{path[-1]}?"
    return f"; it may be one of: {', '.join(sorted(keys))}" if keys else ""


def _keys_of(path: Path) -> list[str]:
    section: Any = Profile
    for part in path:
        field = _fields(section).get(part)
        section = field.annotation if field else None
    return list(_fields(section))


def _fields(section: Any) -> dict[str, Any]:
    is_section = isinstance(section, type) and issubclass(section, Section)
    return dict(section.model_fields) if is_section else {}
