"""`glm-deploy resolve`: what the engine itself makes of the plan, on hardware that is not there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glm_deploy.cli.catalogues import captured
from glm_deploy.cli.inputs import load_plan, plan_options, read_text
from glm_deploy.errors import ExitCode, UsageError
from glm_deploy.model import Basis, Finding, Report, Severity
from glm_deploy.report import say, show_report

if TYPE_CHECKING:
    from glm_deploy.model import LaunchSpec, Plan

# Random in every run, or the plan's own business.
UNINTERESTING = {"model_path", "config", "random_seed", "help"}


@click.command()
@plan_options
@click.option("--image", metavar="REF", help="Ask the sglang in this image [the profile's].")
@click.option("--python", "python", metavar="PATH", help="Ask the sglang beside this python.")
@click.option("--config", metavar="FILE", help="The model's config.json, where it is not known.")
@click.option("--gpus", is_flag=True, help="Hand out the GPUs: some images need the driver.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def resolve(
    profile: str,
    name: str | None,
    settings: tuple[str, ...],
    allow: tuple[str, ...],
    image: str | None,
    python: str | None,
    config: str | None,
    gpus: bool,
    as_json: bool,
) -> int:
    """Run the engine's own argument resolution, and show what it changes behind the plan.

    The profile's GPUs are faked, so it runs anywhere. Exits 1 when the engine would refuse.
    """
    if image and python:
        raise UsageError("--image and --python are two places", remedy="Name one of them.")
    own = captured(image) if image else None
    plan = load_plan(profile, name, settings, allow, own.catalogue if own else None)
    asked = json.dumps(_question(plan.spec, config))
    found = _ask(asked, image or plan.spec.image, python, gpus=gpus)
    report, changed = _report(found), changes(found)
    if as_json:
        shown = {**report.to_json(), "changed": changed, "stand_ins": found["stand_ins"]}
        click.echo(json.dumps(shown, indent=2))
    elif report.findings:
        show_report(report, sys.stdout, quiet=True)
    else:
        click.echo("\n".join(_lines(plan, found["flags"], changed)))
    return ExitCode.FINDINGS if report.findings else ExitCode.GOOD


def _report(found: dict[str, Any]) -> Report:
    """The engine's own assertion as a finding; it says where argparse had no objection."""
    if "error" not in found:
        return Report()
    message = " ".join(found["error"].split())
    return Report(
        (
            Finding(
                rule="resolve",
                severity=Severity.ERROR,
                title="The engine refuses to resolve the command",
                subject="argv",
                observed=found["error"].partition(":")[0],
                message=message,
                fix="Change what it names; `glm-deploy explain --FLAG` shows who sets it.",
                source=f"sglang {found['version']}: its own argument resolution, run just now",
                basis=Basis.MEASURED,
            ),
        )
    )


def _ask(asked: str, image: str, python: str | None, *, gpus: bool) -> dict[str, Any]:
    from glm_deploy.lifecycle.capture import run_in_image, run_with_python, script
    from glm_deploy.lifecycle.docker import connect
    from glm_deploy.sglang import resolution

    say(f"asking the sglang in {python or image}")
    if python:
        text = run_with_python(python, script(resolution), [asked])
    else:
        runtime = connect()
        runtime.ensure_image(image)
        text = run_in_image(runtime, image, script(resolution), [asked], gpus=gpus)
    found: dict[str, Any] = json.loads(text)
    return found


def _question(spec: LaunchSpec, config: str | None) -> dict[str, Any]:
    """What resolution.py wants to know: the engine's argv, the model and the GPUs."""
    from glm_deploy.rules.case import LAUNCHER

    argv = list(spec.argv[len(LAUNCHER) :])
    for flag in ("--model-path", "--revision", "--config"):
        if flag in argv:
            at = argv.index(flag)
            del argv[at : at + 2]
    return {
        "argv": argv,
        "model": spec.model.id,
        "config": _model_config(spec, config),
        "gpus": spec.hardware.gpus,
        "capability": list(spec.hardware.compute_capability),
        "memory_mib": spec.hardware.memory_mib_min,
        "name": f"NVIDIA {spec.hardware.name_contains}",
    }


def _model_config(spec: LaunchSpec, path: str | None) -> dict[str, Any]:
    from glm_deploy import known

    if path:
        try:
            data: dict[str, Any] = json.loads(read_text(Path(path), "the model's config"))
        except ValueError as error:
            raise UsageError(
                f"{path} is not JSON: {error}", remedy="Name the config.json of the checkpoint."
            ) from None
        return data
    checkpoint = known.checkpoint(spec.model.id)
    if checkpoint is None:
        raise UsageError(
            f"nothing is known of the model {spec.model.id}",
            remedy="Give its config.json: --config FILE",
        )
    return known.model_config(checkpoint)


def changes(found: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What became another value than was given or left to the default: dest -> before, after."""
    given, resolved = found["given"], found.get("resolved", {})
    return {
        dest: (given[dest], after)
        for dest, after in resolved.items()
        if dest not in UNINTERESTING and after != given[dest]
    }


def _lines(plan: Plan, flags: dict[str, str], changed: dict[str, tuple[Any, Any]]) -> list[str]:
    lines = [f"the engine changes {len(changed)} values behind this plan"]
    for dest, (before, after) in changed.items():
        flag = flags.get(dest, dest)
        why = plan.because(flag)
        said = f"  ({why})" if why else ""
        lines.append(f"  {flag}: {_short(before)} -> {_short(after)}{said}")
    return lines


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
