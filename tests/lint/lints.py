"""Linting a text in a test: no files beside it, nothing captured, no environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.cli.inputs import fetch
from glm_deploy.lint.judge import lint
from glm_deploy.lint.target import Target
from glm_deploy.lint.to_profile import to_profile
from glm_deploy.plan import make_plan
from glm_deploy.profile.load import Document, resolve
from glm_deploy.profile.shipped import shipped_names
from glm_deploy.rules import Case

if TYPE_CHECKING:
    from glm_deploy.lint.judge import Linted
    from glm_deploy.lint.spec import Reading
    from glm_deploy.model import Finding, LaunchSpec, Plan

BASES = {name: resolve(name, fetch) for name in shipped_names()}
GLM = "0xSero/GLM-5.1-555B-NVFP4"


def linted(text: str, files: dict[str, str] | None = None, **target: object) -> Linted:
    """The outcome for a text, with `files` lying beside it."""
    return lint(text, "text", Target(**target), (files or {}).get)  # type: ignore[arg-type]


def findings(text: str, **target: object) -> dict[str, Finding]:
    """Findings by rule; of several of one rule the last."""
    return {finding.rule: finding for finding in linted(text, **target).report.findings}


def reading(text: str, files: dict[str, str] | None = None, **target: object) -> Reading:
    """The only launch in the text."""
    (judged,) = linted(text, files, **target).judged
    return judged.reading


def planned(text: str) -> tuple[Plan, tuple[str, ...]]:
    """The plan of the profile that `import` makes of a text, and what it could not take over."""
    imported = to_profile(reading(text), BASES, "text")

    def fetched(ref: str, document: Document | None) -> Document:
        if ref == "./imported.yaml":
            return Document("imported", "imported.yaml", imported.text)
        return fetch(ref, document)

    resolved = resolve("./imported.yaml", fetched)
    return make_plan(resolved, name="imported", home="~"), imported.left


def namespace(spec: LaunchSpec) -> dict[str, object]:
    """What the engine's parser makes of a launch, with the flags it reads by canonical name."""
    case = Case(spec)
    return dict(case.flags)
