"""Values that Docker and Compose share: sizes, devices, mounts, limits, restart policies."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from glm_deploy.model import GpuRequest, Mount, Restart, Ulimit

if TYPE_CHECKING:
    from glm_deploy.lint.words import Word

_SIZE = re.compile(r"(\d+)(?:\.\d+)?\s*([kmgtp]?)i?b?", re.IGNORECASE)
_POLICY = re.compile(r"(no|always|unless-stopped|on-failure)(?::(\d{1,9}))?")
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def bytes_of(text: str) -> int | None:
    """`8g`, `512 MiB` or `1073741824` in bytes, as Docker reads them; `None` where it cannot."""
    match = _SIZE.fullmatch(text.strip())
    if not match or len(match[1]) > 18:
        return None
    return int(match[1]) * int(1024 ** " kmgtp".index(match[2].lower() or " "))


def gpu_request(value: Word) -> GpuRequest | None:
    """`all`, `2`, `device=0,1` or `"device=0,1"` (Docker reads it as a line of CSV)."""
    if value.open:
        return None
    text = value.text.strip()
    ids: list[str] = []
    for item in next(csv.reader([text]), []):
        key, equals, rest = item.strip("\"' ").partition("=")
        if key == "device":
            ids += [part.strip("\"' ") for part in rest.split(",") if part]
        elif key == "count" and rest.isdigit():
            ids += [str(index) for index in range(min(int(rest), 64))]
        elif not equals and key.isdigit() and not ids:
            ids += [str(index) for index in range(min(int(key), 64))]
        elif not equals and ids and key:
            ids.append(key)
    return GpuRequest(tuple(ids))


def mount_of(text: str) -> Mount | None:
    """`source:target[:options]`; a source without a slash is a named volume."""
    drive = _WINDOWS_DRIVE.match(text)
    head, text = (text[:2], text[2:]) if drive else ("", text)
    parts = text.split(":")
    if len(parts) == 1:
        return Mount("volume", "", text) if text.startswith("/") else None
    source, target = head + parts[0], parts[1]
    options = parts[2].split(",") if len(parts) > 2 else []
    named = bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", source))
    return Mount("volume" if named else "bind", source, target, "ro" in options)


def restart_of(text: str) -> Restart | None:
    """`no`, `always`, `unless-stopped`, `on-failure[:retries]`; `None` for anything else."""
    match = _POLICY.fullmatch(text.strip())
    if not match:
        return None
    return Restart(match[1], int(match[2] or 0))  # type: ignore[arg-type]  # the pattern's words


def ulimit_of(text: str) -> Ulimit | None:
    """`memlock=-1` or `nofile=1024:2048`."""
    match = re.fullmatch(r"(\w+)=(-?\d{1,18})(?::(-?\d{1,18}))?", text.strip())
    return Ulimit(match[1], int(match[2]), int(match[3] or match[2])) if match else None
