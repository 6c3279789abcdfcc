"""Profiles written for a test, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from glm_deploy.cli.inputs import fetch
from glm_deploy.errors import UsageError
from glm_deploy.profile.load import Resolved, resolve
from glm_deploy.profile.overrides import parse_environment, parse_set

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EXTENDS = "extends: sm120-tp8\n"


def load(ref: str, *settings: str, environ: Mapping[str, str] | None = None) -> Resolved:
    """The profile with the environment and `--set` arguments laid over it."""
    overrides = [*parse_environment(environ or {}), *map(parse_set, settings)]
    return resolve(ref, fetch, overrides)


def write(folder: Path, text: str, name: str = "my.yaml") -> str:
    """The path of a profile file with this text."""
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


def refusal(ref: str, *settings: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines that refuse the profile; a remedy has to come with them."""
    with pytest.raises(UsageError) as refused:
        load(ref, *settings, environ=environ)
    assert refused.value.remedy
    return refused.value.message.splitlines()
