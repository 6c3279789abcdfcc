"""Builds the simulator's Docker image from the installed package, once per content and base."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import docker.errors

from glm_deploy.errors import LaunchError

if TYPE_CHECKING:
    from glm_deploy.lifecycle.docker import DockerRuntime

BASE_VARIABLE = "GLM_DEPLOY_SIMULATOR_BASE"
DEFAULT_BASE = "python:3.12-slim"
REPOSITORY = "glm-deploy-simulator"

_PACKAGE = Path(__file__).resolve().parent.parent


def simulator_image(runtime: DockerRuntime) -> str:
    """The reference of the simulator's image, built if the daemon does not have it yet.

    The base image is DEFAULT_BASE, or what GLM_DEPLOY_SIMULATOR_BASE names.

    Raises:
        LaunchError: the image cannot be built, most often because the base cannot be pulled.
    """
    base = os.environ.get(BASE_VARIABLE) or DEFAULT_BASE
    context = _context()
    digest = hashlib.sha256(base.encode() + context).hexdigest()[:12]
    ref = f"{REPOSITORY}:{digest}"
    if not runtime.image_present(ref):
        _build(runtime, ref, base, context)
    return ref


def _build(runtime: DockerRuntime, ref: str, base: str, context: bytes) -> None:
    try:
        runtime.client.images.build(
            fileobj=io.BytesIO(context),
            custom_context=True,
            tag=ref,
            buildargs={"BASE": base},
            rm=True,
        )
    except (docker.errors.BuildError, docker.errors.APIError) as error:
        raise LaunchError(
            f"the simulator's image cannot be built on {base}: {error}",
            remedy=f"Load that image, name another with {BASE_VARIABLE}=IMAGE (it needs python3), "
            "or rehearse without Docker: --rehearse-in process",
        ) from None


def _context() -> bytes:
    """The build context as a tar archive; the same files always give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, path in sorted(_files().items()):
            info = tarfile.TarInfo(name)
            data = path.read_bytes()
            info.size = len(data)
            info.mode = 0o755 if path.suffix == ".sh" else 0o644
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _files() -> dict[str, Path]:
    installed = _PACKAGE / "docker" / "simulator"
    recipe = installed if installed.is_dir() else _PACKAGE.parent / "docker" / "simulator"
    files = {str(p.relative_to(recipe)): p for p in recipe.rglob("*") if p.is_file()}
    package = [_PACKAGE / "__init__.py", _PACKAGE / "errors.py"]
    for part in ("sglang", "simulator"):
        package += [p for p in (_PACKAGE / part).rglob("*") if p.suffix in (".py", ".json")]
    return files | {f"glm_deploy/{p.relative_to(_PACKAGE)}": p for p in package}
