"""`glm-deploy explain`: a rule, or who sets a flag, variable or key, and why."""

from __future__ import annotations

import json

import pytest
from invocation import glm

from glm_deploy.profile.shipped import shipped_names
from glm_deploy.rules import CATALOGUE
from glm_deploy.rules.page import page, reference


@pytest.mark.parametrize("rule", CATALOGUE)
def test_a_rule_is_explained_by_its_page(rule):
    outcome = glm("explain", rule)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == page(CATALOGUE[rule]).rstrip() + "\n"


def test_a_rule_is_found_in_any_case():
    assert glm("explain", "kv-001") == glm("explain", "KV-001")


def test_a_rule_as_json_has_every_field():
    data = json.loads(glm("explain", "KV-001", "--json").out)
    assert data["rule"] == "KV-001"
    assert data["severity"] == "error"
    assert data["source"]["basis"] == "reported"
    assert data["fix"] == "--set engine.kv_cache_dtype=bf16"


def test_without_a_subject_every_rule_is_listed():
    lines = glm("explain").out.splitlines()
    assert lines[0].split() == ["RULE", "SEVERITY", "TITLE"]
    assert [line.split()[0] for line in lines[1:]] == list(CATALOGUE)
    assert [rule["rule"] for rule in json.loads(glm("explain", "--json").out)] == list(CATALOGUE)


def test_markdown_is_the_reference_page():
    assert glm("explain", "--markdown").out == reference()


def test_a_flag_says_which_rule_sets_it_in_each_profile_and_why():
    out = glm("explain", "--kv-cache-dtype").out
    for name in shipped_names():
        because = "rule KV-001, against: KV cache is not bf16 on sm120"
        assert f"  {name}: bf16  <- {because}\n" in out
    assert "engine default: auto; choices: auto, fp8_e5m2" in out
    assert page(CATALOGUE["KV-001"]).rstrip() in out
    assert page(CATALOGUE["KV-002"]).rstrip() in out


def test_a_flag_that_a_profile_sets_is_explained_by_its_file_and_line():
    out = glm("explain", "-p", "sm120-tp2-pp3", "--pipeline-parallel-size").out
    assert "  sm120-tp2-pp3: 3  <- profile sm120-tp2-pp3 (profiles/sm120-tp2-pp3.yaml:" in out
    assert "sm120-tp8" not in out.partition("## ")[0]


def test_an_override_is_explained_as_one():
    out = glm("explain", "-p", "sm120-tp8", "--set", "server.port=5001", "--port").out
    assert "  sm120-tp8: 5001  <- override --set server.port\n" in out


def test_a_flag_without_a_value_is_shown_as_given():
    out = glm("explain", "-p", "sm120-tp8", "--trust-remote-code").out
    assert "  sm120-tp8: (given)  <- profile sm120-tp8 (" in out


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("--tp-size", "--tensor-parallel-size"),
        ("--kv-cache-dtype=fp8_e4m3", "--kv-cache-dtype"),
        ("--ep", "--expert-parallel-size"),
        ("server.port", "--port"),
        ("parallelism.tensor", "--tensor-parallel-size"),
        ("model.id", "--model-path"),
        ("engine.kv_cache_dtype", "--kv-cache-dtype"),
        ("engine.extra_args.--ep-size", "--expert-parallel-size"),
        ("env.NCCL_IB_DISABLE", "NCCL_IB_DISABLE"),
        ("NCCL_IB_DISABLE", "NCCL_IB_DISABLE"),
        ("container.restart", "container.restart"),
        ("image.ref", "image.ref"),
    ],
)
def test_a_subject_may_be_written_as_an_alias_or_as_a_profile_key(written, subject):
    outcome = glm("explain", written)
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == subject


def test_a_flag_that_nobody_sets_is_left_to_the_engine():
    out = glm("explain", "--context-length").out
    assert "no profile and no rule sets it: the engine's default holds" in out


def test_a_key_of_a_rule_is_explained_by_the_rule():
    out = glm("explain", "server.api_key_file").out
    assert page(CATALOGUE["SEC-001"]).rstrip() in out


def test_a_subject_as_json():
    data = json.loads(glm("explain", "--json", "-p", "sm120-tp8", "--kv-cache-dtype").out)
    assert set(data) == {"subject", "values", "rules", "engine"}
    assert data["values"] == [
        {
            "profile": "sm120-tp8",
            "value": "bf16",
            "because": "rule KV-001, against: KV cache is not bf16 on sm120",
        }
    ]
    assert [rule["rule"] for rule in data["rules"]] == ["KV-001", "KV-002"]
    assert data["engine"]["default"] == "auto"


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("--kv-cache-dtyp", "--kv-cache-dtype"),
        ("KV-0001", "KV-001"),
        ("NCCL_P2P_LEVL", "NCCL_P2P_LEVEL"),
        ("image.reff", "image.ref"),
    ],
)
def test_an_unknown_subject_is_refused_with_the_nearest(written, nearest):
    outcome = glm("explain", written)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"error: {written} is no rule, engine flag, variable or profile key" in outcome.err
    assert nearest in outcome.err.partition("did you mean ")[2]


def test_a_subject_near_to_nothing_is_refused_without_a_guess():
    outcome = glm("explain", "xyzzy")
    assert outcome.code == 2
    assert "did you mean" not in outcome.err
