"""The nouns that travel between layers: findings, the launch spec, the plan that explains it."""

from glm_deploy.model.findings import (
    Basis,
    Finding,
    Passed,
    Report,
    Severity,
    Skipped,
)
from glm_deploy.model.launch import (
    LABEL_PREFIX,
    Engine,
    GpuRequest,
    Hardware,
    Health,
    LaunchSpec,
    Model,
    Mount,
    Readiness,
    Restart,
    Surroundings,
    Ulimit,
)
from glm_deploy.model.plan import (
    Decision,
    Origin,
    Plan,
)

__all__ = [
    "LABEL_PREFIX",
    "Basis",
    "Decision",
    "Engine",
    "Finding",
    "GpuRequest",
    "Hardware",
    "Health",
    "LaunchSpec",
    "Model",
    "Mount",
    "Origin",
    "Passed",
    "Plan",
    "Readiness",
    "Report",
    "Restart",
    "Severity",
    "Skipped",
    "Surroundings",
    "Ulimit",
]
