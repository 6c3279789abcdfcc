"""Which flag catalogue a command means: a release, a captured image or venv, a profile's image."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from glm_deploy.errors import UsageError
from glm_deploy.sglang import catalogue

if TYPE_CHECKING:
    from glm_deploy.lifecycle.captures import Found
    from glm_deploy.model import LaunchSpec, Plan
    from glm_deploy.sglang.catalogue import Catalogue


def named(ref: str) -> Catalogue:
    """The catalogue of a release, of a shipped fork, of a captured image or of a captured python.

    Raises:
        UsageError: there is none.
    """
    if ref in catalogue.names():
        return catalogue.load(ref)
    from glm_deploy.lifecycle import captures

    found = captures.find_python(ref) if "/" in ref else None
    found = found or captures.find(ref)
    if found:
        return found.catalogue
    names = catalogue.names()
    close = difflib.get_close_matches(ref, names, n=3, cutoff=0.7)
    listed = f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(names)}"
    raise UsageError(
        f"no release and no captured image or python is called {ref}{listed}",
        remedy="Read an image's own parser first: glm-deploy flags capture IMAGE "
        "(a venv's: --python PATH)",
    )


def captured(image: str) -> Found | None:
    """The capture of an image, or None where it never was captured."""
    from glm_deploy.lifecycle import captures

    return captures.find(image)


def judging(plan: Plan, *, quiet: bool = False) -> Catalogue | None:
    """The image's own parser where it was captured; said on stderr, or that it never was."""
    from glm_deploy.report import say

    found = captured(plan.spec.image)
    if not quiet:
        say(f"flags judged by {described(plan.spec, found)}")
    return found.catalogue if found else None


def described(spec: LaunchSpec, found: Found | None) -> str:
    """In words, whose parser judges the flags of a launch."""
    if found:
        return f"the image's own parser: sglang {found.catalogue.version}, {found.how}"
    whose = ", a relative" if spec.engine.patched else ""
    return f"catalogue {spec.engine.parser}{whose}: the image was never captured"
