"""What a foreign launch is judged against: the engine in its image, and the GPUs there are."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from glm_deploy import known
from glm_deploy.errors import UsageError
from glm_deploy.model import Engine, Hardware
from glm_deploy.sglang import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from glm_deploy.facts import Facts
    from glm_deploy.sglang.catalogue import Catalogue

# The engine of voipmonitor/sglang as far as it can be read, and of builds nobody knows better.
FORK = Engine(version="0.5.10", parser="fork-c70c22a1", patched=True)
_RELEASE = re.compile(r"(?:^|[^0-9.])v?(\d+\.\d+\.\d+(?:\.?post\d+)?)(?:$|[^0-9])")
_UPSTREAM = {"lmsysorg/sglang", "docker.io/lmsysorg/sglang"}
_GPUS = re.compile(r"\s*(?:(\d{1,2})\s*[x×*]?\s*)?(.*\S)\s*", re.IGNORECASE)  # noqa: RUF001

RTX_PRO = "RTX PRO 6000 Blackwell"
# What a launch of GLM-5.1 NVFP4 wants of each card, in MiB.
GLM_MEMORY_MIB = 97_000


@dataclass(frozen=True, slots=True)
class Target:
    """What the person running lint says about the place of the launch; `None` is not said.

    `captured` gives the catalogue of an image whose own parser was captured, if it was.
    """

    image: str | None = None
    release: str | None = None
    gpus: str | None = None
    facts: Facts | None = None
    captured: Callable[[str], Catalogue | None] | None = None


@dataclass(frozen=True, slots=True)
class Assumed:
    """An engine, the sentence that says how it was found, and its own parser if captured."""

    engine: Engine
    words: str
    own: Catalogue | None = None


def engine_of(image: str | None, target: Target) -> Assumed:
    """The engine that the launch runs on.

    Raises:
        UsageError: the release that was asked for is no version.
    """
    ref = target.image or image
    if target.release:
        return _release(target.release)
    own = target.captured(ref) if ref and target.captured else None
    if own:
        near = _of_reference(str(ref)).engine
        engine = Engine(own.version, near.parser, near.patched)
        return Assumed(engine, f"{ref}: sglang {own.version}, its own parser, captured", own)
    if not ref:
        return Assumed(
            FORK,
            f"engine not named: judged as {FORK.parser}, the readable source nearest to "
            "voipmonitor/sglang; say --image or --release",
        )
    return _of_reference(ref)


def _of_reference(ref: str) -> Assumed:
    name = ref.partition("@")[0]
    head, _, tag = name.rpartition(":")
    repository, tag = (head, tag) if head and "/" not in tag else (name, "")
    if known.image_repository(ref):
        return Assumed(FORK, f"{ref}: patched; judged by {FORK.parser}, its readable relative")
    match = _RELEASE.search(f" {tag} ")
    if match:
        engine = _nearest(match[1])
        official = repository in _UPSTREAM
        if not official:
            engine = Engine(engine.version, engine.parser, patched=True)
        return Assumed(engine, f"{ref}: judged as sglang {engine.version} by {engine.parser}")
    if repository in _UPSTREAM:
        newest = _releases()[-1]
        engine = Engine(newest, newest, patched=True)
        return Assumed(engine, f"{ref}: the tag names no release; judged by the newest, {newest}")
    return Assumed(
        FORK, f"{ref}: unknown image, judged by {FORK.parser}; say --release, or capture its parser"
    )


def _release(release: str) -> Assumed:
    if release in catalogue.names() and not release[:1].isdigit():
        return Assumed(FORK, f"judged by catalogue {release}")
    if not re.fullmatch(r"v?\d+\.\d+(\.\d+)?(\.?post\d+)?", release):
        raise UsageError(
            f"--release {release!r} is no release of sglang",
            remedy=f"For example --release {_releases()[-1]}; there are {', '.join(_releases())}.",
        )
    engine = _nearest(release.removeprefix("v"))
    how = "" if not engine.patched else ", the nearest there is"
    return Assumed(engine, f"sglang {engine.version}: judged by catalogue {engine.parser}{how}")


def _nearest(version: str) -> Engine:
    """The catalogue of a release, or of the one before it where there is none of its own."""
    releases = _releases()
    if version in releases:
        return Engine(version, version, patched=False)
    older = [name for name in releases if _numbers(name) <= _numbers(version)]
    return Engine(version, older[-1] if older else releases[0], patched=True)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


@cache
def _releases() -> tuple[str, ...]:
    return tuple(sorted((n for n in catalogue.names() if n[:1].isdigit()), key=_numbers))


def hardware_of(
    ranks: int, image: str | None, target: Target, *, glm: bool
) -> tuple[Hardware, str]:
    """The GPUs that the launch is judged for, and the sentence that says how they were found.

    `ranks` is how many the command asks for. The image decides the compute capability where its
    build list is known; then the facts, then RTX PRO 6000 Blackwell.
    """
    repository = known.image_repository(image) if image else None
    if target.gpus:
        count, card = parse_gpus(target.gpus)
        capability = _capability(card["capability"])
        name = RTX_PRO if RTX_PRO in card["name"] else str(card["name"])
        hardware = Hardware(count or ranks, capability, name, card["memory_mib"])
        return hardware, f"{hardware.gpus}x {card['name']} ({card['capability']})"
    if target.facts and target.facts.gpus and not (repository or glm):
        counted = Counter(gpu.compute_capability for gpu in target.facts.gpus)
        common = counted.most_common(1)[0][0]
        if common:
            return Hardware(ranks, common, "", 0), f"{ranks} GPUs of the host in the facts"
    memory_mib = GLM_MEMORY_MIB if glm else 0
    hardware = Hardware(ranks, (12, 0), RTX_PRO if glm else "", memory_mib)
    return hardware, f"{ranks}x {RTX_PRO} (12.0), as nothing else is said"


def parse_gpus(text: str) -> tuple[int | None, dict[str, Any]]:
    """Count and card of a text such as `8x NVIDIA RTX PRO 6000 Blackwell`.

    Raises:
        UsageError: the card is not known.
    """
    match = _GPUS.fullmatch(text)
    name = match[2].lower() if match else ""
    for card in _cards():
        if card["contains"] in name:
            return int(match[1]) if match and match[1] else None, card
    names = ", ".join(dict.fromkeys(card["name"] for card in _cards()))
    raise UsageError(f"--gpus {text!r} names no card that is known", remedy=f"Known are: {names}.")


def _capability(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)


@cache
def _cards() -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = Path(__file__).with_name("cards.yaml").read_text("utf-8")
    return list(yaml.load(text, Loader=loader))  # noqa: S506 safe
