"""FLG: whether the engine's parser takes the command at all."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from glm_deploy import known
from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import SGLANG, documented, measured
from glm_deploy.sglang.catalogue import load, names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

PARSERS = f"{SGLANG}: its own argparse parser, extracted"


@cache
def _known_elsewhere(flag: str) -> bool:
    """Whether some other release has this very flag: it is no slip then, but of another time."""
    return any(load(name).find(flag) for name in names())


def _unknown(case: Case) -> list[str]:
    """The flags that the catalogue does not know, as they are written."""
    return [g.written for g in case.catalogue.read(case.engine_argv).given if g.flag is None]


def _misspelled(case: Case) -> dict[str, list[str]]:
    """Flags that no catalogue knows, each with the names it is close to."""
    slips = [w for w in _unknown(case) if not known.other_flag(w) and not _known_elsewhere(w)]
    return {word: case.catalogue.nearest(word) for word in slips}


@rule(
    "FLG-001",
    "The engine's parser refuses the command",
    severity=Severity.ERROR,
    subjects=("argv",),
    source=measured(PARSERS),
    fix="Remove or correct the argument; `glm-deploy explain --FLAG` shows who sets it.",
    holds_for="images whose own parser is at hand",
    applies=lambda case: case.own_parser,
)
def parser_refuses(case: Case) -> Iterable[Problem]:
    """The command is given to the parser of the very release in the image. What it refuses would
    end the container within seconds of its start.
    """
    refusal = case.catalogue.refusal(case.engine_argv)
    if refusal:
        yield Problem(refusal, f"sglang {case.catalogue.version} refuses it: {refusal}")


@rule(
    "FLG-002",
    "A related parser refuses the command",
    severity=Severity.WARNING,
    subjects=("argv",),
    source=measured(PARSERS),
    fix="Read the image's own parser: glm-deploy flags capture IMAGE (a venv's: --python PATH)",
    holds_for="patched images whose own parser was not captured",
    applies=lambda case: not case.own_parser,
)
def relative_refuses(case: Case) -> Iterable[Problem]:
    """The image is patched and may know more than the parser at hand, its closest readable
    relative. A refusal is then no proof of a mistake, but worth a look before eight minutes.
    """
    refusal = case.catalogue.refusal(case.engine_argv)
    if refusal:
        yield Problem(
            refusal,
            f"the parser at hand ({case.catalogue.name}) refuses it: {refusal}",
            fix="Read the image's own parser: glm-deploy flags capture "
            f"{case.spec.image or 'IMAGE'}",
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


def _longer(case: Case, beginning: str) -> list[str]:
    """The flags that begin so, if it is long enough to be a beginning."""
    if not beginning.startswith("--") or len(beginning) < 3:
        return []
    return sorted(flag for flag in case.catalogue.by_flag if flag.startswith(beginning))


def _meant(beginning: str, longer: list[str]) -> str:
    """The likeliest of the flags that begin so: `--pp` is read as `--pp-size` everywhere."""
    size = f"{beginning}-size"
    return size if size in longer else min(longer, key=len)


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
    known_flags = case.catalogue.by_flag
    for given in case.catalogue.read(case.engine_argv).given:
        if given.written in known_flags:
            continue
        longer = _longer(case, given.written)
        # What others wrote is judged by what happens to it: one that is unambiguous is taken.
        if longer and not (case.read and given.flag):
            yield Problem(
                given.written,
                f"{given.written} abbreviates {', '.join(longer[:3])}",
                subject=given.written,
                fix=f"Use {case.catalogue.canonical(_meant(given.written, longer))}.",
            )


@rule(
    "FLG-005",
    "Flag of another engine",
    severity=Severity.ERROR,
    subjects=("argv",),
    source=documented(
        "vLLM, https://docs.vllm.ai/en/latest/cli/serve.html; llama.cpp, "
        "https://github.com/ggml-org/llama.cpp; TensorRT-LLM, https://nvidia.github.io/TensorRT-LLM"
    ),
    fix="Write the flag as SGLang knows it.",
)
def flag_of_another_engine(case: Case) -> Iterable[Problem]:
    """Commands are translated from vLLM, llama.cpp and others by changing their beginning. What
    SGLang calls otherwise ends the start at once, also on a patched image.
    """
    for word in _unknown(case):
        other = known.other_flag(word)
        if other is None or _known_elsewhere(word):
            continue
        note = f"; {other.note}" if other.note else ""
        meant = f"SGLang's is {other.use}{note}" if other.use else f"SGLang needs none{note}"
        yield Problem(
            word,
            f"{word} is a flag of {other.engine}; {meant}",
            subject=word,
            fix=f"Use {other.use}." if other.use else f"Remove {word}.",
        )


@rule(
    "FLG-006",
    "Abbreviated flag that this release still takes",
    severity=Severity.INFO,
    subjects=("argv",),
    source=measured(f"{SGLANG}: --dp, --pp and others became ambiguous with later releases"),
    fix="Write the long name of the flag.",
    holds_for="launches that were read, not planned",
    applies=lambda case: case.read,
)
def abbreviation_taken(case: Case) -> Iterable[Problem]:
    """argparse takes an unambiguous beginning for the flag. A later release may add another flag
    that begins so, and then refuses the command.
    """
    for given in case.catalogue.read(case.engine_argv).given:
        if given.flag and given.written not in case.catalogue.by_flag:
            yield Problem(
                given.written,
                f"{given.written} is taken for {given.flag}",
                subject=given.written,
                fix=f"Use {given.flag}.",
            )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _unquoted(text: str) -> str:
    """The text without quotation marks around it, typographic ones included."""
    for left, right in (("'", "'"), ('"', '"'), ("\u2018", "\u2019"), ("\u201c", "\u201d")):
        if len(text) > 2 and text.startswith(left) and text.endswith(right):
            return text[1:-1]
    return text


def _quoting(text: str) -> str:
    """What quoting did to a value that was meant as JSON; empty when nothing did."""
    inner = _unquoted(text)
    if inner != text and inner[:1] in "{[" and _is_json(inner):
        return "the quotation marks around it are part of the value"
    if text[:1] not in ("{", "[") or _is_json(text):
        return ""
    if any(mark in text for mark in "\u201c\u201d\u2018\u2019"):
        return "it has typographic quotation marks"
    if "'" in text and _is_json(text.replace("'", '"')):
        return "JSON wants double quotation marks"
    if '"' not in text:
        return "the shell took the quotation marks away"
    return "it is cut at a blank, or not closed"


@rule(
    "FLG-007",
    "JSON value broken by quoting",
    severity=Severity.ERROR,
    subjects=("argv",),
    source=documented(
        "POSIX, https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02"
    ),
    fix="Put the whole JSON text between single quotation marks.",
)
def json_broken(case: Case) -> Iterable[Problem]:
    """A value such as {"a": 1} loses its quotation marks, or is cut at its blanks, where a shell,
    an unquoted $ARGS or a nested `bash -c "..."` reads it once more than was thought of.
    """
    for given in case.catalogue.read(case.engine_argv).given:
        text = given.values[0] if given.values else ""
        reason = _quoting(text) if text[:1] in "{['\"\u2018\u201c" and text else ""
        if reason:
            flag = given.written
            yield Problem(
                text[:60],
                f"{flag} wants JSON, and {text[:60]} is none: {reason}",
                subject=flag,
                fix=f"""Write {flag} '{{"key": value}}', with single quotation marks around it.""",
            )


@rule(
    "FLG-008",
    "Flag and value in one word",
    severity=Severity.ERROR,
    subjects=("argv",),
    source=measured(PARSERS),
    fix="Make two list items of it, or put = between flag and value.",
)
def flag_and_value_in_one_word(case: Case) -> Iterable[Problem]:
    """In a list each item is one argument. `- --port 5000` is a single argument with a blank in it,
    and no parser takes it apart.
    """
    for word in case.engine_argv:
        flag, blank, value = word.partition(" ")
        if blank and flag.startswith("--") and "=" not in flag and case.catalogue.find(flag):
            yield Problem(
                word,
                f"{word!r} is one argument; the engine does not find {flag} in it",
                subject=word,
                fix=f"Give {flag} and {value.strip()} as two words.",
            )
