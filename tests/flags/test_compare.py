"""What an upgrade changes, told from the parsers of both releases."""

from __future__ import annotations

import json

import pytest

from glm_deploy.sglang import catalogue, releases
from glm_deploy.sglang.compare import Change, compare, find_successor, touching
from glm_deploy.sglang.history import history
from glm_deploy.sglang.renames import records


def changes(old, new, kind):
    found = compare(catalogue.load(old), catalogue.load(new))
    return {change.flag: change for change in found if change.kind == kind}


def test_nothing_changes_between_a_release_and_itself():
    assert compare(catalogue.load("0.5.18"), catalogue.load("0.5.18")) == []


@pytest.mark.parametrize(
    ("old", "new", "flag", "successor"),
    [
        ("0.5.10.post1", "0.5.23", "--nsa-prefill-backend", "--dsa-prefill-backend"),
        ("0.5.10.post1", "0.5.23", "--nsa-decode-backend", "--dsa-decode-backend"),
        ("0.5.10.post1", "0.5.20", "--cuda-graph-max-bs", "--cuda-graph-max-bs-decode"),
        ("fork-c70c22a1", "0.5.23", "--cuda-graph-bs", "--cuda-graph-bs-decode"),
        ("0.5.18", "0.5.20", "--disable-piecewise-cuda-graph",
         "--cuda-graph-backend-prefill=disabled"),
        ("0.5.4", "0.5.5.post1", "--kt-amx-method", "--kt-method"),
        ("0.5.23", "0.5.10.post1", "--dsa-prefill-backend", None),
        ("0.5.10.post1", "0.5.23", "--enable-double-sparsity", None),
    ],
)  # fmt: skip
def test_a_flag_that_is_gone_names_its_successor(old, new, flag, successor):
    found, source = find_successor(catalogue.load(old), catalogue.load(new), flag)
    assert found == successor
    assert bool(source) == bool(successor)


def test_a_successor_is_never_a_value_that_the_new_release_refuses():
    gone = changes("0.5.18", "0.5.22", "renamed")
    gone |= changes("0.5.18", "0.5.22", "removed")
    assert gone["--enforce-piecewise-cuda-graph"].successor is None


def test_every_flag_on_record_is_gone_from_the_newest_release_and_its_successor_is_not():
    newest, known = catalogue.load("0.5.23"), set()
    for name in catalogue.names():
        known |= set(catalogue.load(name).by_flag)
    for flag, record in records().items():
        assert flag in known
        assert newest.find(flag) is None
        if record["successor"].startswith("--"):
            assert newest.find(record["successor"]), flag
        assert record["source"]


def test_a_vanished_choice_and_a_new_one():
    change = changes("0.5.10.post1", "0.5.23", "choices")["--moe-runner-backend"]
    assert change.before == ["cutlass"] or "flashinfer_b12x" not in change.before
    assert set(change.before).isdisjoint(change.after)


def test_a_changed_default():
    change = changes("0.5.10.post1", "0.5.23", "default")["--hicache-mem-layout"]
    assert (change.before, change.after) == ("layer_first", "page_first")


def test_a_flag_that_is_known_but_now_ends_the_launch():
    assert "--enable-expert-distribution-metrics" in changes("0.5.15", "0.5.18", "refused")


def test_values_that_are_written_another_way():
    change = changes("0.5.4", "0.5.23", "values")["--context-length"]
    assert (change.before, change.after) == ("int", "human_readable_int")


def test_only_what_a_command_gives_or_relies_on_touches_it():
    found = [
        Change("renamed", "--given", successor="--new"),
        Change("renamed", "--other"),
        Change("default", "--given", 1, 2),
        Change("default", "--left-out", 1, 2),
        Change("choices", "--given", ["used"], []),
        Change("choices", "--given", ["unused"], []),
        Change("added", "--given"),
    ]
    kept = touching(found, {"--given": ("used",)})
    assert kept == [found[0], found[3], found[4]]


def test_a_flag_through_all_releases():
    spans = history("--cuda-graph-max-bs")
    assert [(s.first, s.last, s.option and s.option.deprecated) for s in spans] == [
        ("0.5.4", "0.5.13.post1", False),
        ("0.5.14", "0.5.19", True),
        ("0.5.20", "0.5.23", None),
    ]


def test_the_table_is_what_packing_its_own_releases_gives():
    text = releases.TABLE.read_text("utf-8")
    assert releases.pack({v: releases.entries(v) for v in releases.versions()}) == text
    assert len(json.loads(text)["releases"]) == len(releases.versions()) == 33


def test_all_releases_together_stay_small():
    """One compressed download of 60 kB would be more than it may add to the wheel."""
    assert releases.TABLE.stat().st_size < 250_000
