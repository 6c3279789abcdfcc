"""The JSON Schema of profiles, for editors, with what catalogues and rules know."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from glm_deploy.profile.schema import OWNED_FLAGS, EngineArguments, Profile
from glm_deploy.rules import CATALOGUE
from glm_deploy.sglang import catalogue

if TYPE_CHECKING:
    from glm_deploy.sglang.option import Option

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def profile_schema() -> dict[str, Any]:
    """The schema as plain data.

    Nothing is required and everything may be null: a profile that extends another one gives only
    what differs, and null unsets.
    """
    schema = Profile.model_json_schema()
    schema["description"] = inspect.cleandoc(Profile.__doc__ or "")
    options = _options()
    for name, section in [("", schema), *schema["$defs"].items()]:
        section.pop("required", None)
        section.pop("title", None)
        for key, part in section.get("properties", {}).items():
            part.pop("title", None)
            section["properties"][key] = _nullable(part)
        _describe(name, section, options)
    engine = schema["$defs"]["EngineArguments"]["properties"]
    engine["extra_args"]["anyOf"][0]["properties"] = {
        flag: _flag(option) for flag, option in sorted(options.items()) if flag not in OWNED_FLAGS
    }
    parser = schema["$defs"]["EngineIdentity"]["properties"]["parser"]
    parser["examples"] = list(catalogue.names())
    return {"$schema": SCHEMA_ID, **schema}


def _nullable(part: dict[str, Any]) -> dict[str, Any]:
    default = {"default": part.pop("default")} if "default" in part else {}
    options = part.get("anyOf", [part])
    if {"type": "null"} not in options:
        options = [*options, {"type": "null"}]
    return {"anyOf": options, **default}


def _options() -> dict[str, Option]:
    """Every flag of the fork and of every release by its long name, the newest one's first."""
    found: dict[str, Option] = {}
    for name in reversed(catalogue.names()):
        known = catalogue.load(name)
        for option in known.options:
            flag = known.canonical(option.flags[-1]) or option.flags[0]
            if flag.startswith("--"):
                found.setdefault(flag, option)
    return found


def _choices(flag: str) -> list[Any]:
    """What any release takes for a flag."""
    options = (catalogue.load(name).find(flag) for name in catalogue.names())
    return list(dict.fromkeys(c for option in options if option for c in option.choices or ()))


def _describe(section_name: str, section: dict[str, Any], options: dict[str, Option]) -> None:
    owned = {key: flag for flag, key in reversed(OWNED_FLAGS.items())}
    title = {"EngineIdentity": "image.engine"}.get(section_name, section_name.lower())
    for key, part in section.get("properties", {}).items():
        path = f"{title}.{key}" if title else key
        flag = owned.get(path, "")
        if section_name == "EngineArguments" and key in EngineArguments.model_fields:
            flag = "--" + key.replace("_", "-")
        sentences = [*_of_flag(flag, options), *_of_rules({path, flag} - {""})]
        if sentences:
            part["description"] = " ".join(sentences)
        choices = _choices(flag) if flag in options else []
        if choices:
            part["anyOf"] = [{"enum": choices}, {"type": "null"}]


def _of_flag(flag: str, options: dict[str, Option]) -> list[str]:
    if flag not in options:
        return []
    default = options[flag].default
    return [f"The engine's {flag}; it has {default!r} by default."]


def _of_rules(subjects: set[str]) -> list[str]:
    rules = [rule for rule in CATALOGUE.values() if subjects & set(rule.subjects)]
    return (
        [f"Against: {'; '.join(f'{rule.title} ({rule.id})' for rule in rules)}."] if rules else []
    )


def _flag(option: Option) -> dict[str, Any]:
    described = {"description": f"The engine has {option.default!r} by default."}
    if option.takes_no_value:
        return {"type": ["boolean", "null"], **described}
    if option.choices and option.nargs is None:
        return {"enum": [*_choices(option.flags[0]), None], **described}
    return described
