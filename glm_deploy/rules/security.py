"""SEC: who can reach the API, whose code runs, and where secrets stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import DOCKER, SGLANG, documented

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_SECRET_NAME = re.compile(r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY|CREDENTIALS?)$")


def _reachable(case: Case) -> bool:
    """Whether others reach a port of the container: by the host's network, or as published."""
    around = case.spec.surroundings
    if around is None or not around.container or case.spec.network == "host":
        return True
    local = ("127.0.0.1:", "localhost:", "[::1]:")
    return not around.orchestrated and any(not port.startswith(local) for port in around.ports)


@rule(
    "SEC-001",
    "Open API on the whole network",
    severity=Severity.WARNING,
    subjects=("--host", "server.api_key_file"),
    source=documented(DOCKER),
    fix="--set server.host=127.0.0.1, or --set server.api_key_file=/etc/glm-deploy/server.yaml",
)
def open_api(case: Case) -> Iterable[Problem]:
    """The container uses the host's network, so the API listens on every interface of the machine.
    Without a key anyone who reaches the port uses the GPUs.
    """
    protected = case.spec.api_key_file or case.has("--api-key") or case.has("--config")
    if case.spec.host not in LOOPBACK and not protected and _reachable(case):
        yield Problem(
            f"{case.spec.host}:{case.spec.port}, no API key",
            "anyone on the network can use this server",
        )


@rule(
    "SEC-002",
    "Code of an unpinned checkpoint is trusted",
    severity=Severity.WARNING,
    subjects=("--trust-remote-code", "model.revision"),
    source=documented("transformers, https://huggingface.co/docs/transformers/custom_models"),
    fix="--set model.revision=COMMIT (the 40-digit commit shown on the model's Files page)",
)
def remote_code(case: Case) -> Iterable[Problem]:
    """`--trust-remote-code` runs Python that comes with the checkpoint, as root in the container.
    Without a pinned revision the next download may run other code.
    """
    local = case.spec.model.id.startswith("/")
    if case.has("--trust-remote-code") and not case.spec.model.revision and not local:
        yield Problem(case.spec.model.id, "whatever the repository holds tomorrow will be run")


@rule(
    "SEC-003",
    "API key on the command line",
    severity=Severity.ERROR,
    subjects=("--api-key", "--admin-api-key"),
    source=documented(f"{SGLANG}: the key is read from --api-key or from the file of --config"),
    fix="--set server.api_key_file=/etc/glm-deploy/server.yaml (holding `api-key: ...`)",
)
def key_in_argv(case: Case) -> Iterable[Problem]:
    """An argument is visible to every user of the machine (`ps`), in `docker inspect` and in every
    rendered file. A file given by `--config` keeps the key out of all of them.
    """
    for flag in ("--api-key", "--admin-api-key"):
        if case.has(flag):
            yield Problem(
                "(hidden)",
                "the key would be readable in `ps` and `docker inspect`",
                subject=flag,
                fix=f"--set engine.extra_args.{flag}=null "
                "--set server.api_key_file=/etc/glm-deploy/server.yaml "
                f"(holding `{flag.removeprefix('--')}: ...`)",
            )


@rule(
    "SEC-004",
    "Secret in the container's environment",
    severity=Severity.ERROR,
    subjects=("env",),
    source=documented(DOCKER),
    fix="Remove it from the profile; log in with `hf auth login`, whose token file is mounted.",
)
def secret_in_environment(case: Case) -> Iterable[Problem]:
    """A variable in a profile is written into rendered files and shown by `docker inspect`."""
    for name, value in case.spec.env.items():
        if value and _SECRET_NAME.search(name):
            yield Problem("(hidden)", f"{name} would be written into every rendered file", name)
