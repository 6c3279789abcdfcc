"""FLG: whether the engine's parser takes the command at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import SGLANG, measured
from glm_deploy.sglang.option import ArgvRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

PARSERS = f"{SGLANG}: its own argparse parser, extracted"


def _refusal(case: Case) -> str | None:
    try:
        case.catalogue.parse(case.engine_argv)
    except ArgvRefused as refused:
        return str(refused)
    return None


def _misspelled(case: Case) -> dict[str, list[str]]:
    """Flags that the catalogue does not know, each with the names it is close to."""
    unknown = [g.written for g in case.catalogue.read(case.engine_argv).given if g.flag is None]
    return {word: case.catalogue.nearest(word) for word in unknown}


@rule(
    "FLG-001",
    "The engine's parser refuses the command",
    severity=Severity.ERROR,
    subjects=("argv",),
    source=measured(PARSERS),
    fix="Remove or correct the argument; `glm-deploy explain --FLAG` shows who sets it.",
    holds_for="images whose own parser is at hand",
    applies=lambda case: not case.spec.engine.patched,
)
def parser_refuses(case: Case) -> Iterable[Problem]:
    """The command is given to the parser of the very release in the image. What it refuses would
    end the container within seconds of its start.
    """
    refusal = _refusal(case)
    if refusal:
        yield Problem(refusal, f"sglang {case.catalogue.version} refuses it: {refusal}")


@rule(
    "FLG-002",
    "A related parser refuses the command",
    severity=Severity.WARNING,
    subjects=("argv",),
    source=measured(PARSERS),
    fix="Check the argument against the image: docker run --rm IMAGE python3 -m "
    "sglang.launch_server --help",
    holds_for="patched images whose own parser was not captured",
    applies=lambda case: case.spec.engine.patched,
)
def relative_refuses(case: Case) -> Iterable[Problem]:
    """The image is patched and may know more than the parser at hand, its closest readable
    relative. A refusal is then no proof of a mistake, but worth a look before eight minutes.
    """
    refusal = _refusal(case)
    if refusal:
        yield Problem(
            refusal,
            f"the parser at hand ({case.catalogue.name}) refuses it: {refusal}",
            fix=f"docker run --rm {case.spec.image} python3 -m sglang.launch_server --help",
        )


@rule(
    "FLG-003",
    "Misspelled flag",
    severity=Severity.ERROR,
    subjects=("argv",),
    source=measured(PARSERS),
    fix="Write the flag as the engine knows it.",
)
def misspelled_flag(case: Case) -> Iterable[Problem]:
    """A flag that no parser knows but that is one slip away from a known one is a slip, also on a
    patched image.
    """
    for word, close in _misspelled(case).items():
        if close:
            yield Problem(
                word,
                f"{word} is no flag of the engine; the nearest is {close[0]}",
                subject=word,
                fix=f"Use {close[0]}.",
            )


@rule(
    "FLG-004",
    "Abbreviated flag",
    severity=Severity.ERROR,
    subjects=("argv",),
    source=measured(f"{SGLANG}: `--pp` is ambiguous in 26 releases and the fork"),
    fix="Write the long name of the flag.",
)
def abbreviated_flag(case: Case) -> Iterable[Problem]:
    """argparse takes any unambiguous beginning of a flag. What is unambiguous in one release is
    ambiguous in the next: the card's own `--pp 3` is refused by every parser.
    """
    known_flags = {flag for option in case.catalogue.options for flag in option.flags}
    for given in case.catalogue.read(case.engine_argv).given:
        if given.written in known_flags:
            continue
        longer = sorted(flag for flag in known_flags if flag.startswith(given.written))
        if longer:
            yield Problem(
                given.written,
                f"{given.written} abbreviates {', '.join(longer[:3])}",
                subject=given.written,
                fix=f"Use {case.catalogue.canonical(longer[0]) or longer[0]}.",
            )
