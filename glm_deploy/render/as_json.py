"""The plan as JSON: the launch spec, every decision with its origin, and what was overruled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm_deploy.model import Plan


def render(plan: Plan) -> dict[str, str]:
    """`{"plan.json": text}`; a program reads `spec` to start the container by itself."""
    data = {
        "spec": plan.spec.to_json(),
        "decisions": [
            {"subject": d.subject, "value": d.value, "because": str(d.because)}
            for d in plan.decisions
        ],
        "allow": list(plan.allow),
    }
    return {"plan.json": json.dumps(data, indent=2, ensure_ascii=False) + "\n"}
