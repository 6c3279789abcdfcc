"""The catalogues that were captured from images and venvs, in the user's data directory."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_deploy.errors import HostError, UsageError
from glm_deploy.sglang import catalogue

if TYPE_CHECKING:
    from glm_deploy.sglang.catalogue import Catalogue

# Rendering must not wait for a daemon that hangs.
ASK_TIMEOUT_S = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A captured catalogue, and in words which capture it is."""

    catalogue: Catalogue
    how: str


def folder() -> Path:
    """`$XDG_DATA_HOME/glm-deploy/catalogues`; it may not be there yet."""
    root = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(root).expanduser() / "glm-deploy" / "catalogues"


def save(key: str, text: str) -> Path:
    """Keep what was captured from the image or Python that `key` names.

    Raises:
        HostError: it cannot be written.
    """
    path = _path(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        raise HostError(
            f"{path} cannot be written: {error.strerror}",
            remedy="Set XDG_DATA_HOME to a folder you may write to.",
        ) from None
    return path


def find(ref: str) -> Found | None:
    """The capture of an image, by its digest or by what Docker says its name stands for now.

    Where Docker cannot be asked, or has no such image, the latest capture under that name.
    """
    names = _names()
    if not names:
        return None
    key = ref.partition("@")[2] or _key_now(ref)
    if key:
        path = _path(key)
        return Found(_read(path), f"captured from {ref}") if path.exists() else None
    same = sorted((path for path, name in names.items() if name == ref), key=_written)
    return Found(_read(same[-1]), f"captured from {ref}, which may have moved") if same else None


def find_python(path: str) -> Found | None:
    """The capture of the Python interpreter at `path`."""
    stored = _path(python_key(path))
    return Found(_read(stored), f"captured from {path}") if stored.exists() else None


def python_key(path: str) -> str:
    """The name under which the capture of an interpreter is kept: its path, links left alone.

    A venv is told by the path of its `python`, which is a link to one that many venvs share.
    """
    return f"python-{re.sub(r'[^A-Za-z0-9.]+', '-', os.path.abspath(path)).strip('-')}"  # noqa: PTH100


def image_key(api: Any, ref: str) -> str:
    """The digest of an image in its registry; its ID where it never was in one.

    `api` is docker's APIClient; its errors are let through.
    """
    data = api.inspect_image(ref)
    repository = ref.partition("@")[0]
    repository = re.sub(r":[^:/]*$", "", repository)
    digests = [str(digest).split("@") for digest in data.get("RepoDigests") or ()]
    same = [digest for name, digest in digests if name == repository]
    return str((same or [digest for _, digest in digests] or [data["Id"]])[0])


def _key_now(ref: str) -> str | None:
    """The key of what `ref` names in Docker now, or None where that cannot be told."""
    import docker.errors
    import requests

    import docker

    try:
        client = docker.from_env(timeout=ASK_TIMEOUT_S)
        try:
            return image_key(client.api, ref)
        finally:
            client.close()
    except (docker.errors.DockerException, requests.RequestException):
        return None


def _path(key: str) -> Path:
    return folder() / f"{key.replace(':', '-').replace('/', '-')}.json"


def _names() -> dict[Path, str]:
    """Each capture with the image or interpreter that it is of."""
    found = {}
    for path in folder().glob("*.json"):
        with path.open(encoding="utf-8", errors="replace") as handle:
            head = handle.read(4096)
        name = re.search(r'^"name": "(.*)",$', head, re.MULTILINE)
        found[path] = name[1] if name else ""
    return found


def _written(path: Path) -> float:
    return path.stat().st_mtime


def _read(path: Path) -> Catalogue:
    try:
        return catalogue.from_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the captured catalogue {path} cannot be read: {error}",
            remedy="Remove it, or capture again: glm-deploy flags capture IMAGE",
        ) from None
