"""One `docker run` command to paste; the reasons stand above it, a shell allows none inside."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from glm_deploy.render.comments import because, header, one_line
from glm_deploy.render.docker_words import docker_options

if TYPE_CHECKING:
    from glm_deploy.model import Plan


def render(plan: Plan) -> dict[str, str]:
    """`{"docker-run.sh": text}`."""
    options = docker_options(plan.spec)
    lines = [f"# {line}" for line in header(plan)]
    for subject, words in options:
        reason = because(plan, subject)
        if reason:
            lines.append(f"#   {one_line(' '.join(words))}  <- {reason}")
    for decision in plan.flags:
        reason = one_line(str(decision.because))
        lines.append(f"#   {one_line(' '.join(decision.words))}  <- {reason}")
    parts = [
        "docker run",
        *(shlex.join(words) for _, words in options),
        shlex.quote(plan.spec.image),
        shlex.join(plan.launcher),
        *(shlex.join(decision.words) for decision in plan.flags),
    ]
    lines.append(" \\\n  ".join(parts))
    return {"docker-run.sh": "\n".join(lines) + "\n"}
