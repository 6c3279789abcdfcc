"""Reads the parser of the sglang inside an image, or of a venv, with that image's own Python."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker.errors
import requests
from docker.types import DeviceRequest, LogConfig

from glm_deploy.errors import HostError, LaunchError, UsageError
from glm_deploy.lifecycle.captures import image_key, python_key
from glm_deploy.sglang import extract

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from glm_deploy.lifecycle.docker import DockerRuntime

# Importing sglang takes 5 to 30 s; a cold page cache and a large image may triple that.
TIMEOUT_S = 180

# No network is needed, and no setting of the model hub may be looked up.
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "NVIDIA_VISIBLE_DEVICES": "void"}


def capture_image(runtime: DockerRuntime, ref: str, *, gpus: bool = False) -> tuple[str, str]:
    """The key of an image and the catalogue that its own sglang prints.

    Raises:
        LaunchError: the image cannot be pulled, or Docker does not start it.
        UsageError: the image has no sglang that can be imported.
    """
    runtime.ensure_image(ref)
    key = image_key(runtime.api, ref)
    arguments = ("--versions", "--name", ref, "--source", f"the parser in the image {ref} ({key})")
    text = run_in_image(runtime, ref, script(extract), arguments, gpus=gpus)
    return key, text


def capture_python(path: str) -> tuple[str, str]:
    """The key of an interpreter and the catalogue that the sglang beside it prints.

    Raises:
        UsageError: there is no such interpreter, or no sglang that can be imported.
    """
    arguments = ("--versions", "--name", path, "--source", f"the parser beside {path}")
    return python_key(path), run_with_python(path, script(extract), arguments)


def script(module: Any) -> str:
    """The text of one of our self-contained modules."""
    return Path(module.__file__).read_text("utf-8")


def run_with_python(path: str, code: str, arguments: Sequence[str]) -> str:
    """What `code` prints when the interpreter at `path` runs it; raises UsageError if it fails."""
    try:
        done = subprocess.run(
            [path, "-c", code, *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise UsageError(
            f"{path} cannot be run: {error.strerror}",
            remedy="Name the python of the venv that has sglang, /opt/venv/bin/python.",
        ) from None
    except subprocess.TimeoutExpired:
        raise _too_slow(path) from None
    if done.returncode:
        raise _no_sglang(path, done.stderr)
    return done.stdout


def run_in_image(
    runtime: DockerRuntime,
    ref: str,
    code: str,
    arguments: Sequence[str],
    *,
    gpus: bool = False,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What `code` prints when the image's own python3 runs it: once, offline, removed afterwards.

    The image's entrypoint is not run. No GPU is handed out unless `gpus` asks for all of them.

    Raises:
        LaunchError: Docker does not start it.
        UsageError: the code failed, or took longer than TIMEOUT_S.
    """
    env = {**ENVIRONMENT, **(environment or {})}
    if gpus:
        del env["NVIDIA_VISIBLE_DEVICES"]
    with _container(runtime.api, ref, ["-c", code, *arguments], env, gpus=gpus) as identifier:
        try:
            runtime.api.start(identifier)
            status = runtime.api.wait(identifier, timeout=TIMEOUT_S)["StatusCode"]
        except docker.errors.APIError as error:
            raise LaunchError(
                f"Docker did not start {ref}: {error.explanation or error}",
                remedy="The image needs a python3 with sglang on its PATH.",
            ) from None
        except requests.RequestException:
            raise _too_slow(ref) from None
        out, err = (
            runtime.api.logs(identifier, stdout=which, stderr=not which).decode(errors="replace")
            for which in (True, False)
        )
    if status:
        raise _no_sglang(ref, err)
    return str(out)


@contextmanager
def _container(
    api: Any, ref: str, command: list[str], env: Mapping[str, str], *, gpus: bool
) -> Iterator[str]:
    """A container that is gone afterwards, whatever happened."""
    devices = [DeviceRequest(count=-1, capabilities=[["gpu"]])] if gpus else None
    try:
        identifier = api.create_container(
            image=ref,
            entrypoint=["python3"],
            command=command,
            environment=dict(env),
            use_config_proxy=False,
            host_config=api.create_host_config(
                network_mode="none",
                device_requests=devices,
                log_config=LogConfig(type="json-file", config={}),
            ),
        )["Id"]
    except docker.errors.APIError as error:
        raise HostError(
            f"Docker cannot make a container of {ref}: {error.explanation or error}",
            remedy="Check that the image is for this machine's architecture.",
        ) from None
    try:
        yield str(identifier)
    finally:
        api.remove_container(identifier, force=True, v=True)


def _no_sglang(where: str, err: str) -> UsageError:
    lines = [line for line in err.strip().splitlines() if line.strip()]
    return UsageError(
        f"{where} has no sglang that can be imported: {lines[-1] if lines else 'it said nothing'}",
        remedy="Name the image or python that serves. If it is the NVIDIA driver that is missing, "
        "capture on the GPU box with --gpus.",
    )


def _too_slow(where: str) -> UsageError:
    return UsageError(
        f"importing sglang in {where} took longer than {TIMEOUT_S} s",
        remedy="Try again: the second time the files are in memory.",
    )
