"""Thousands of command lines, each judged by the rebuilt parser and by the release's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from argv_generator import Generator

from glm_deploy.sglang import catalogue
from glm_deploy.sglang.extract import json_safe
from glm_deploy.sglang.option import ArgvRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbench.sglang_releases import RealParser


def verdict(release: catalogue.Catalogue, argv: list[str]) -> dict[str, Any] | None:
    """Every value by its dest as JSON holds it, or None where the command is refused."""
    try:
        parsed: dict[str, Any] = json.loads(json.dumps(json_safe(release.parse(argv))))
    except ArgvRefused:
        return None
    return parsed


@pytest.mark.parametrize(("version", "count"), [("0.5.18", 2200), ("0.5.4", 200), ("0.5.23", 200)])
def test_both_parsers_say_the_same(
    version: str, count: int, real_parser: Callable[[str], RealParser]
) -> None:
    release = catalogue.load(version)
    generator = Generator(release, seed=50518)
    tried = [generator.argv() for _ in range(count)]
    real = real_parser(version).judge(tried)
    for argv, said in zip(tried, real, strict=True):
        # What begins with an underscore sglang notes there itself, after parsing.
        theirs = {k: v for k, v in said.namespace.items() if not k.startswith("_")}
        mine = verdict(release, argv)
        assert (argv, mine) == (argv, theirs if said.accepted else None), said.message
    accepted = sum(said.accepted for said in real)
    assert count * 0.3 < accepted < count * 0.8, "the mixture has to try both verdicts"


@pytest.mark.parametrize("version", ["0.5.4", "0.5.18", "0.5.23", "fork-c70c22a1"])
def test_the_short_way_to_a_refusal_says_what_the_whole_parser_says(version: str) -> None:
    release = catalogue.load(version)
    generator = Generator(release, seed=1205)
    for argv in (generator.argv() for _ in range(600)):
        try:
            release.parse(argv)
            said = None
        except ArgvRefused as refused:
            said = str(refused)
        assert (argv, release.refusal(argv)) == (argv, said)
