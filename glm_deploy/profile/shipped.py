"""The profiles that come with the tool: package data in a wheel, `profiles/` in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped_dir() -> Path:
    """The folder of the shipped profiles: inside an installed wheel, else beside the package."""
    installed = _PACKAGE / "profiles"
    return installed if installed.is_dir() else _PACKAGE.parent / "profiles"


def shipped_names() -> tuple[str, ...]:
    """The names of the shipped profiles, sorted."""
    return tuple(sorted(path.stem for path in shipped_dir().glob("*.yaml")))
