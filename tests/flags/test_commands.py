"""`glm-deploy flags list`, `show` and `diff`, as a shell would use them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cli"))
from invocation import glm


def data(*args):
    outcome = glm("flags", *args, "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_a_list_has_every_option_of_the_release():
    rows = {row["flag"]: row for row in data("list", "--release", "0.5.10.post1")}
    assert rows["--tensor-parallel-size"] == {
        "flag": "--tensor-parallel-size",
        "aliases": ["--tp-size"],
        "choices": None,
        "default": 1,
        "type": "int",
        "nargs": None,
        "deprecated": False,
        "successor": None,
    }
    assert rows["--kv-cache-dtype"]["choices"][:3] == ["auto", "fp8_e5m2", "fp8_e4m3"]
    assert rows["--trust-remote-code"]["type"] is None
    assert rows["--trust-remote-code"]["default"] is False
    assert rows["--cuda-graph-bs"]["nargs"] == "+"


def test_a_list_for_people_has_a_line_for_each():
    lines = glm("flags", "list", "--release", "0.5.4").out.splitlines()
    assert lines[0].split() == ["FLAG", "TYPE", "DEFAULT", "CHOICES"]
    assert len(lines) == 1 + 273


@pytest.mark.parametrize(
    ("release", "hint"), [("0.5.24", "did you mean 0.5."), ("nope", "there are 0.5.4, ")]
)
def test_an_unknown_release_names_those_there_are(release, hint):
    outcome = glm("flags", "list", "--release", release)
    assert outcome.code == 2
    assert f"no release and no captured image or python is called {release}" in outcome.err
    assert hint in outcome.err


def test_show_tells_since_when_until_when_and_what_instead():
    assert glm("flags", "show", "--cuda-graph-max-bs").out == (
        "--cuda-graph-max-bs\n"
        "  0.5.4 to 0.5.13.post1: default null\n"
        "  0.5.14 to 0.5.19: default null; deprecated, use --cuda-graph-max-bs-decode\n"
        "  0.5.20 to 0.5.23: gone; instead: --cuda-graph-max-bs-decode\n"
        "  fork-c70c22a1: known\n"
    )


def test_show_as_data_has_the_choices_of_each_release():
    shown = data("show", "--nsa-prefill-backend")
    assert (shown["since"], shown["until"]) == ("0.5.4", "0.5.19")
    assert shown["also_in"] == ["fork-c70c22a1"]
    first, *_, last = shown["releases"]
    assert "trtllm" not in first["choices"]
    assert "trtllm" in last["choices"]
    assert (last["deprecated"], last["default"]) == (True, None)


def test_a_flag_that_is_still_there_has_no_until():
    shown = data("show", "--kv-cache-dtype")
    assert (shown["since"], shown["until"]) == ("0.5.4", None)


def test_show_takes_a_key_as_profiles_write_it():
    assert glm("flags", "show", "kv_cache_dtype").out.startswith("--kv-cache-dtype\n")


def test_show_of_a_slip_names_the_flag():
    outcome = glm("flags", "show", "--kv-cache-dtpe")
    assert outcome.code == 2
    assert "did you mean --kv-cache-dtype?" in outcome.err


def test_diff_groups_what_changes_by_how_much_it_matters():
    lines = glm("flags", "diff", "0.5.18", "0.5.20").out.splitlines()
    headings = [line.partition(" (")[0] for line in lines if not line.startswith(" ")]
    assert headings == ["gone, without a successor", "gone, with a successor", "choices",
                        "defaults", "new"]  # fmt: skip
    assert "  --nsa-prefill-backend -> --dsa-prefill-backend (the parser of sglang 0.5.18)" in lines


def test_diff_of_a_profile_tells_only_what_it_feels():
    settings = ("--set", "engine.extra_args.--cuda-graph-max-bs=64")
    found = data("diff", "0.5.10.post1", "0.5.23", "-p", "sm120-tp8-upstream", *settings)
    gone = [c for c in found["changes"] if c["kind"] != "default"]
    assert [(c["kind"], c["flag"], c["successor"]) for c in gone] == [
        ("renamed", "--cuda-graph-max-bs", "--cuda-graph-max-bs-decode")
    ]
    assert "--tensor-parallel-size" not in {c["flag"] for c in found["changes"]}
    assert "FLG-001" in found["starts"]
    assert "--cuda-graph-max-bs" in found["starts"]["FLG-001"]


def test_diff_of_a_profile_tells_which_rules_no_longer_hold():
    found = data("diff", "0.5.10.post1", "0.5.23", "-p", "sm120-tp8-upstream")
    assert found["released"]["KV-001"] == "KV cache is not bf16 on sm120"
    assert found["argv"]["--kv-cache-dtype"] == ["bf16", None]
    assert found["starts"] == {}


def test_diff_to_an_upstream_release_says_that_b12x_is_gone():
    found = data("diff", "fork-c70c22a1", "0.5.23", "-p", "sm120-tp8")
    vanished = {c["flag"]: c["before"] for c in found["changes"] if c["kind"] == "choices"}
    assert "b12x" in vanished["--moe-runner-backend"]
    assert "b12x" in vanished["--fp4-gemm-backend"]


def test_diff_of_a_release_with_itself():
    assert glm("flags", "diff", "0.5.23", "0.5.23").out == "nothing changes\n"
