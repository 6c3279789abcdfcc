"""Deployments in Docker: labels are the state, so nothing has to be remembered elsewhere."""

from __future__ import annotations

import codecs
import contextlib
import os
from typing import TYPE_CHECKING, Any

import docker.errors
import requests
from docker.types import DeviceRequest, LogConfig
from docker.types import Ulimit as DockerUlimit

import docker
from glm_deploy.errors import HostError, LaunchError
from glm_deploy.lifecycle.deployment import Deployment
from glm_deploy.lifecycle.docker_messages import explain
from glm_deploy.model import LABEL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.model import LaunchSpec

NANOSECONDS = 1_000_000_000
REHEARSAL_LABEL = f"{LABEL_PREFIX}.rehearsal"

# Long enough for a daemon under load, short enough to notice one that hangs.
API_TIMEOUT_S = 30

# Docker's own, for a container that says nothing else.
DEFAULT_STOP_TIMEOUT_S = 10


def connect() -> DockerRuntime:
    """Reach the Docker daemon that the environment names (DOCKER_HOST, or the default socket).

    Raises:
        HostError: no daemon answers.
    """
    named = os.environ.get("DOCKER_HOST", "")
    where = f" at DOCKER_HOST={named}" if named else ""
    try:
        if named.startswith("ssh:"):
            raise ValueError("the server is started on this host only, never over ssh")
        client = docker.from_env(timeout=API_TIMEOUT_S)
        client.ping()
    except (docker.errors.DockerException, requests.RequestException, ValueError) as error:
        correct = "Correct or unset DOCKER_HOST. " if named else ""
        raise HostError(
            f"Docker does not answer{where}: {_cause(error)}",
            remedy=f"{correct}Start Docker (sudo systemctl start docker), or join its group "
            "(sudo usermod -aG docker $USER, then log in again).",
        ) from None
    return DockerRuntime(client)


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Turn what the daemon refuses, or its silence, into a HostError."""
    try:
        yield
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise HostError(
            f"Docker stopped answering properly: {_cause(error)}",
            remedy="Look at its log: sudo journalctl --unit docker --since -10min",
        ) from None


def _cause(error: BaseException) -> str:
    """The innermost reason; docker-py and requests wrap it several times."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error) or type(error).__name__


class DockerRuntime:
    """The deployments of one Docker daemon."""

    name = "docker"

    def __init__(self, client: docker.DockerClient) -> None:
        self.client = client
        self.api: Any = client.api

    def deployments(self) -> list[Deployment]:
        """Every container that carries our label."""
        label = f"{LABEL_PREFIX}.deployment"
        deployments = []
        with _answering():
            for row in self.api.containers(all=True, filters={"label": label}):
                # One that is removed between the two questions is gone.
                with contextlib.suppress(docker.errors.NotFound):
                    deployments.append(self._inspect(row["Id"]))
        return deployments

    def image_present(self, ref: str) -> bool:
        """Whether the daemon has this image."""
        with _answering():
            try:
                self.api.inspect_image(ref)
            except docker.errors.ImageNotFound:
                return False
        return True

    def ensure_image(self, ref: str) -> None:
        """Pull an image that the daemon does not have.

        Raises:
            LaunchError: it cannot be pulled.
        """
        if self.image_present(ref):
            return
        try:
            for event in self.api.pull(ref, stream=True, decode=True):
                if "error" in event:
                    raise _pull_failed(ref, event["error"])
        except docker.errors.APIError as error:
            raise _pull_failed(ref, str(error.explanation)) from None

    def start(self, spec: LaunchSpec) -> Deployment:
        """Create and start the container of `spec`; a failed start leaves nothing behind."""
        identifier = ""
        with _answering():
            try:
                identifier = self.api.create_container(**self._create_arguments(spec))["Id"]
                self.api.start(identifier)
            except docker.errors.APIError as error:
                if identifier:
                    self.api.remove_container(identifier, force=True)
                raise explain(str(error.explanation or error)) from None
            return self._inspect(identifier)

    def log(self, deployment: Deployment, *, follow: bool, tail: int | None) -> Iterator[str]:
        """The container's stdout and stderr as they were written."""
        with _answering():
            pieces = self.api.logs(
                deployment.handle, stream=True, follow=follow, tail="all" if tail is None else tail
            )
            # A piece may end in the middle of a character.
            yield from codecs.iterdecode(pieces, "utf-8", errors="replace")

    def stop(self, deployment: Deployment, *, remove: bool) -> None:
        """Stop the container within its own stop timeout."""
        with _answering(), contextlib.suppress(docker.errors.NotFound):
            config = self.api.inspect_container(deployment.handle)["Config"]
            timeout = config.get("StopTimeout") or DEFAULT_STOP_TIMEOUT_S
            # The daemon answers once the container has stopped; docker-py waits that much longer.
            self.api.stop(deployment.handle, timeout=timeout)
            if remove:
                self.api.remove_container(deployment.handle, force=True)

    def _create_arguments(self, spec: LaunchSpec) -> dict[str, Any]:
        """What `docker run` of the rendered command would ask the daemon for."""
        seconds = NANOSECONDS
        return {
            "image": spec.image,
            "command": list(spec.argv),
            "name": spec.container_name,
            "environment": [f"{name}={value}" for name, value in spec.env.items()],
            "labels": dict(spec.labels),
            "stop_timeout": spec.stop_timeout_s,
            "healthcheck": {
                "test": ["CMD-SHELL", spec.health.command],
                "interval": spec.health.interval_s * seconds,
                "timeout": spec.health.timeout_s * seconds,
                "start_period": spec.health.start_period_s * seconds,
                "retries": spec.health.retries,
            },
            "use_config_proxy": False,
            "host_config": self._host_config(spec),
        }

    def _host_config(self, spec: LaunchSpec) -> Any:
        requests_for_gpus = None
        if spec.gpus:
            ids = list(spec.gpus.device_ids)
            which: dict[str, Any] = {"device_ids": ids} if ids else {"count": -1}
            requests_for_gpus = [DeviceRequest(capabilities=[["gpu"]], **which)]
        return self.api.create_host_config(
            binds=[
                f"{mount.source}:{mount.target}:{'ro' if mount.read_only else 'rw'}"
                for mount in spec.mounts
            ],
            tmpfs=dict.fromkeys(spec.tmpfs, ""),
            device_requests=requests_for_gpus,
            ipc_mode=spec.ipc,
            shm_size=spec.shm_size_bytes,
            network_mode=spec.network,
            ulimits=[DockerUlimit(name=u.name, soft=u.soft, hard=u.hard) for u in spec.ulimits],
            restart_policy={
                "Name": spec.restart.policy,
                "MaximumRetryCount": spec.restart.max_retries,
            },
            log_config=LogConfig(type=spec.log_driver, config=dict(spec.log_options)),
        )

    def _inspect(self, identifier: str) -> Deployment:
        data = self.api.inspect_container(identifier)
        state, labels = data["State"], data["Config"]["Labels"]
        ended = state["Status"] in ("exited", "dead", "restarting")

        def label(key: str) -> str:
            return str(labels.get(f"{LABEL_PREFIX}.{key}", ""))

        return Deployment(
            name=label("deployment"),
            runtime=self.name,
            handle=data["Id"],
            state=state["Status"],
            exit_code=state["ExitCode"] if ended else None,
            restarts=data.get("RestartCount", 0),
            started_at=state["StartedAt"],
            profile=label("profile"),
            plan=label("plan"),
            endpoint=label("endpoint"),
            served_name=label("served-name"),
            image=data["Config"]["Image"],
            rehearsal=label("rehearsal") == "true",
        )


def _pull_failed(ref: str, reason: str) -> LaunchError:
    return LaunchError(
        f"the image {ref} cannot be pulled: {reason}",
        remedy="Check the name and your login (docker login), or load it (docker load).",
    )
