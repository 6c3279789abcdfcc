"""Every shipped profile's command, judged by the engine's own parser or by its catalogue."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from glm_deploy.cli.inputs import fetch
from glm_deploy.plan import make_plan
from glm_deploy.profile.load import resolve
from glm_deploy.profile.shipped import shipped_names
from glm_deploy.rules.case import LAUNCHER, release
from glm_deploy.sglang import catalogue
from glm_deploy.sglang.option import ArgvRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbench.sglang_releases import RealParser

    from glm_deploy.sglang.catalogue import Catalogue
    from glm_deploy.sglang.option import Option

UPSTREAM = ("0.5.10.post1", "0.5.18", "0.5.23")
B12X_PROFILES = ("sm120-tp2-pp3", "sm120-tp8")


def engine_argv(profile: str) -> list[str]:
    """What the engine gets, without `python3 -m sglang.launch_server`."""
    plan = make_plan(resolve(profile, fetch), name=profile, home="/home/op")
    assert plan.spec.argv[: len(LAUNCHER)] == LAUNCHER
    return list(plan.spec.argv[len(LAUNCHER) :])


@pytest.mark.parametrize("profile", shipped_names())
def test_the_catalogue_of_its_image_accepts_every_profile(profile: str) -> None:
    loaded = catalogue.load(resolve(profile, fetch).profile.image.engine.parser)
    said = loaded.parse(engine_argv(profile))
    assert said["model_path"] == "0xSero/GLM-5.1-555B-NVFP4"
    assert said["kv_cache_dtype"] == "bf16"
    assert said["attention_backend"] == "flashinfer"
    assert said["disable_custom_all_reduce"] is True


@pytest.mark.parametrize("profile", shipped_names())
def test_every_flag_is_written_with_its_long_name(profile: str) -> None:
    loaded = catalogue.load(resolve(profile, fetch).profile.image.engine.parser)
    given = loaded.read(engine_argv(profile)).given
    assert [g.written for g in given] == [g.flag for g in given]


@pytest.mark.parametrize("version", UPSTREAM)
def test_the_real_parser_accepts_the_upstream_profile(
    version: str, real_parser: Callable[[str], RealParser]
) -> None:
    [verdict] = real_parser(version).judge([engine_argv("sm120-tp8-upstream")])
    assert (verdict.accepted, verdict.message) == (True, "")
    assert verdict.namespace["moe_runner_backend"] == "cutlass"
    assert verdict.namespace["mem_fraction_static"] == 0.85


def test_the_range_that_the_upstream_profile_declares_is_the_range_it_is_judged_by() -> None:
    engine = resolve("sm120-tp8-upstream", fetch).profile.image.engine
    first, last = engine.releases or ("", "")
    assert (first, last) == (UPSTREAM[0], UPSTREAM[-1])
    assert release(first) <= release(engine.version) <= release(last)
    assert engine.parser == engine.version


@pytest.mark.parametrize("version", UPSTREAM)
@pytest.mark.parametrize("profile", B12X_PROFILES)
def test_no_upstream_parser_accepts_a_b12x_profile(
    version: str, profile: str, real_parser: Callable[[str], RealParser]
) -> None:
    [verdict] = real_parser(version).judge([engine_argv(profile)])
    assert not verdict.accepted
    assert "invalid choice: 'b12x'" in verdict.message


def test_b12x_is_all_that_upstream_refuses_in_the_default_profile(
    real_parser: Callable[[str], RealParser],
) -> None:
    argv = engine_argv("sm120-tp8")
    for backend in ("--fp4-gemm-backend", "--moe-runner-backend"):
        at = argv.index(backend)
        assert argv[at + 1] == "b12x"
        del argv[at : at + 2]
    for version in UPSTREAM:
        [verdict] = real_parser(version).judge([argv])
        assert (verdict.accepted, verdict.message) == (True, "")


# --config reads a file, --help prints, and --log-level sets up logging before anybody judges it.
BEYOND = {"--config", "--help", "--log-level"}


class Commands:
    """Argument lists as people and scripts write them: most are right, many are not."""

    def __init__(self, known: Catalogue, seed: int) -> None:
        self.random = random.Random(seed)
        self.options = [option for option in known.options if not BEYOND & set(option.flags)]

    def draw(self) -> list[str]:
        """One argv."""
        argv = ["--model-path", "m"] if self.random.random() < 0.95 else []
        for _ in range(self.random.randint(1, 4)):
            argv += self._one()
        return argv

    def _one(self) -> list[str]:
        kind = self.random.random()
        if kind < 0.05:
            return [self.random.choice(["--no-such-flag", "stray", "--", "-1", "-x", ""])]
        option = self.random.choice(self.options)
        flag = self.random.choice(option.flags)
        if kind < 0.15:
            flag = flag[: self.random.randint(4, max(4, len(flag) - 1))]
        values = self._values(option)
        if len(values) == 1 and self.random.random() < 0.2:
            return [f"{flag}={values[0]}"]
        return [flag, *values]

    def _values(self, option: Option) -> list[str]:
        if option.takes_no_value:
            return ["1"] if self.random.random() < 0.05 else []
        count = option.nargs if isinstance(option.nargs, int) else 1
        if option.nargs in ("+", "*", "?"):
            count = self.random.randint(0, 3)
        if self.random.random() < 0.05:
            count += self.random.choice([-1, 1])
        return [self._value(option) for _ in range(count)]

    def _value(self, option: Option) -> str:
        if option.choices and self.random.random() < 0.8:
            return str(self.random.choice(option.choices))
        fitting = {"int": ["0", "8", "-1"], "float": ["0.5", "1", ".9"], "loads": ['{"a": 1}']}
        odd = ["x", "", "8.5", "1k", "2Ki", "None", "[1, 2]", '{"a": 1}', "{", "a b", "ü", "0x8"]
        fit = fitting.get(option.type or "", ["text", "auto"])
        return self.random.choice(fit if self.random.random() < 0.7 else odd)


def comparable(message: str) -> str:
    """The message with the choices in order: some of SGLang's are a set, in no order of its own."""
    head, choose, choices = message.partition(" (choose from ")
    return head + choose + ", ".join(sorted(choices.rstrip(")").split(", ")))


def catalogue_verdict(known: Catalogue, argv: list[str]) -> tuple[bool, str, dict[str, Any]]:
    try:
        return True, "", known.parse(argv)
    except ArgvRefused as refused:
        return False, str(refused), {}


def test_the_catalogue_judges_as_the_real_parser_does(
    real_parser: Callable[[str], RealParser],
) -> None:
    known = catalogue.load("0.5.23")
    commands = Commands(known, seed=20260101)
    drawn = [commands.draw() for _ in range(300)]
    verdicts = real_parser("0.5.23").judge(drawn)
    accepted = [verdict.accepted for verdict in verdicts]
    assert 75 < sum(accepted) < 225, "the drawn commands are too good or too bad to tell"
    for argv, real in zip(drawn, verdicts, strict=True):
        ours = catalogue_verdict(known, argv)
        assert ours[0] == real.accepted, (argv, real.message)
        # SGLang's own conversions go on with advice where argparse's words have ended.
        assert comparable(real.message).startswith(comparable(ours[1])), argv
        for option in {known.find(given.flag or "") for given in known.read(argv).given} - {None}:
            if real.accepted:
                assert ours[2][option.dest] == real.namespace[option.dest], argv
