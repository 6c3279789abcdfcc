"""A bash script that starts the container, with the reason of each option behind it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from glm_deploy.render.comments import because, header, one_line
from glm_deploy.render.docker_words import docker_options

if TYPE_CHECKING:
    from glm_deploy.model import Plan


def render(plan: Plan) -> dict[str, str]:
    """`{"run.sh": text}`."""
    docker = [_item(words, because(plan, subject)) for subject, words in docker_options(plan.spec)]
    engine = [_item(d.words, one_line(str(d.because))) for d in plan.flags]
    lines = [
        "#!/usr/bin/env bash",
        *(f"# {line}" for line in header(plan)),
        "set -euo pipefail",
        "",
        "docker_options=(",
        *docker,
        ")",
        "engine_argv=(",
        _item(plan.launcher, ""),
        *engine,
        ")",
        "",
        f"image={shlex.quote(plan.spec.image)}",
        'exec docker run "${docker_options[@]}" "$image" "${engine_argv[@]}"',
    ]
    return {"run.sh": "\n".join(lines) + "\n"}


def _item(words: tuple[str, ...], reason: str) -> str:
    comment = f"  # {reason}" if reason else ""
    return f"  {shlex.join(words)}{comment}"
