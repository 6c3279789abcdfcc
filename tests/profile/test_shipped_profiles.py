"""The profiles that come with the tool."""

from __future__ import annotations

from pathlib import Path

import pytest
from profile_files import load

from glm_deploy.profile.reference import reference
from glm_deploy.profile.shipped import shipped_dir, shipped_names
from glm_deploy.sglang import catalogue

CHECKOUT = Path(__file__).parents[2]
NAMES = ["sm120-tp2-pp3", "sm120-tp8", "sm120-tp8-throughput", "sm120-tp8-upstream"]


def test_these_profiles_are_shipped():
    assert list(shipped_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_loads_under_the_name_of_its_file(name):
    assert load(name).profile.name == name
    assert (shipped_dir() / f"{name}.yaml").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_states_its_evidence(name):
    evidence = load(name).profile.evidence
    assert evidence.basis in {"reported", "calculated", "measured"}
    assert evidence.note
    assert all(source.startswith("https://") for source in evidence.sources)


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_profile_names_a_flag_catalogue_that_is_shipped(name):
    assert load(name).profile.image.engine.parser in catalogue.names()


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_a_shipped_profile_knows_its_file_and_line(name):
    for path, origin in load(name).origins.items():
        assert origin.kind == "profile"
        file, _, line = origin.where.partition(":")
        lines = (shipped_dir().parent / file).read_text("utf-8").splitlines()
        if line:
            written = lines[int(line) - 1].strip()
            assert written.startswith((f"{path[-1]}:", f'"{path[-1]}":')), path


@pytest.mark.parametrize(
    ("name", "gpus", "tensor", "pipeline"),
    [
        ("sm120-tp8", 8, 8, 1),
        ("sm120-tp8-throughput", 8, 8, 1),
        ("sm120-tp8-upstream", 8, 8, 1),
        ("sm120-tp2-pp3", 6, 2, 3),
    ],
)
def test_a_shipped_layout_fills_its_gpus(name, gpus, tensor, pipeline):
    profile = load(name).profile
    assert profile.hardware.gpus == gpus
    assert (profile.parallelism.tensor, profile.parallelism.pipeline) == (tensor, pipeline)


def test_the_six_card_profile_names_its_devices():
    assert load("sm120-tp2-pp3").profile.container.devices == ["0", "1", "2", "3", "4", "5"]


def test_the_upstream_profile_asks_for_no_b12x():
    engine = load("sm120-tp8-upstream").profile.engine
    assert "b12x" not in vars(engine).values()


def test_the_reference_page_is_current():
    written = (CHECKOUT / "docs" / "reference" / "profiles.md").read_text("utf-8")
    assert written == reference(), "run `make docs`"


def test_the_reference_page_names_every_key():
    text = reference()
    for section in ("profile", "image.engine", "container.restart", "engine", "readiness"):
        assert f"## {section}\n" in text
    for key in ("mem_fraction_static", "api_key_file", "boot_timeout_s", "shm_size"):
        assert f"| `{key}` |" in text
