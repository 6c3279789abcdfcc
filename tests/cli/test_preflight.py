"""`glm-deploy preflight --facts`: a recorded host against a profile."""

from __future__ import annotations

import json

import pytest
from invocation import FACTS, GOOD_HOST, glm

HOSTS = {
    "rtx-pro-6000-x8": ("degraded", 0),
    "h100-x8": ("blocked", 1),
    "no-driver": ("blocked", 1),
    "lost-gpu-x8": ("blocked", 1),
    "gb10": ("blocked", 1),
    "rtx-5090-x8": ("blocked", 1),
    "mixed-editions-x8": ("degraded", 0),
    "rtx-pro-6000-x6": ("blocked", 1),
    "version-mismatch": ("blocked", 1),
}
# The good host with its port looked at, and a profile that leaves nothing open.
SOUND = (
    *("--set", "image.digest=sha256:" + "a" * 64),
    *("--set", "model.revision=0123456789abcdef0123456789abcdef01234567"),
    *("--set", "server.host=127.0.0.1"),
)


def facts(name):
    return str(FACTS / f"{name}.json")


def looked_at(port, **use):
    data = json.loads((FACTS / "rtx-pro-6000-x8.json").read_text("utf-8"))
    return json.dumps({**data, "ports": {str(port): use}})


@pytest.mark.parametrize(("name", "expected"), HOSTS.items())
def test_each_recorded_host_gets_its_verdict_and_exit_code(name, expected):
    outcome = glm("preflight", "--json", "--facts", facts(name))
    assert (json.loads(outcome.out)["verdict"], outcome.code) == expected
    assert outcome.err == ""


@pytest.mark.parametrize("name", HOSTS)
def test_the_json_has_the_documented_shape(name):
    data = json.loads(glm("preflight", "--json", "--facts", facts(name)).out)
    assert list(data) == ["verdict", "findings", "passed", "skipped", "allowed"]
    for finding in data["findings"]:
        assert list(finding) == [
            *("rule", "severity", "title", "subject", "observed"),
            *("message", "fix", "source", "basis"),
        ]
        assert all(isinstance(value, str) and value for value in finding.values())
    assert data["passed"]
    for passed in data["passed"]:
        assert list(passed) == ["rule", "title"]
    for skipped in data["skipped"]:
        assert list(skipped) == ["rule", "title", "reason"]
        assert skipped["reason"]


@pytest.mark.parametrize("name", HOSTS)
def test_no_rule_is_both_passed_and_skipped_or_found(name):
    data = json.loads(glm("preflight", "--json", "--facts", facts(name)).out)
    found, passed, skipped = (
        {entry["rule"] for entry in data[key]} for key in ("findings", "passed", "skipped")
    )
    assert passed.isdisjoint(found | skipped)


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("h100-x8", {"GPU-002", "GPU-003", "GPU-005"}),
        ("no-driver", {"HST-001"}),
        ("version-mismatch", {"HST-001"}),
        ("gb10", {"GPU-001", "GPU-002", "GPU-003"}),
        ("rtx-5090-x8", {"GPU-003", "GPU-005"}),
        ("rtx-pro-6000-x6", {"GPU-001"}),
        ("lost-gpu-x8", {"GPU-006"}),
        ("mixed-editions-x8", set()),
    ],
)
def test_each_recorded_host_is_blocked_for_its_own_reasons(name, errors):
    data = json.loads(glm("preflight", "--json", "--facts", facts(name)).out)
    assert {f["rule"] for f in data["findings"] if f["severity"] == "error"} == errors


def test_six_cards_are_fit_for_the_six_card_profile():
    outcome = glm("preflight", "-p", "sm120-tp2-pp3", "--facts", facts("rtx-pro-6000-x6"))
    assert outcome.code == 0
    assert "error" not in outcome.out


def test_hopper_is_refused_in_words_that_name_both_sides():
    outcome = glm("preflight", "--facts", facts("h100-x8"))
    assert outcome.code == 1
    assert "profile sm120-tp8 needs 8x compute capability 12.0" in outcome.out
    assert "this host has 8x NVIDIA H100 80GB HBM3 (9.0)" in outcome.out
    assert "NVFP4 W4A4 kernels exist only for Blackwell" in outcome.out
    assert "use 0xSero/GLM-5.1-555B-W4A16" in outcome.out


def test_a_host_without_a_driver_is_a_finding_with_a_remedy():
    outcome = glm("preflight", "--facts", facts("no-driver"))
    assert outcome.code == 1
    assert "error    HST-001 NVML does not answer" in outcome.out
    assert "fix: Install the driver: sudo apt-get install nvidia-driver-580-open" in outcome.out
    assert "skipped  GPU-002 Wrong compute capability" in outcome.out
    assert "Traceback" not in outcome.err


def test_a_good_host_and_a_sound_profile_are_ready():
    outcome = glm("preflight", *SOUND, "--facts", "-", stdin=looked_at(5000, free=True))
    assert outcome.code == 0
    assert outcome.out.splitlines()[-1] == "verdict  ready"
    assert outcome.err == "profile sm120-tp8 against -\n"


def test_a_port_that_was_not_looked_at_is_not_passed():
    outcome = glm("preflight", *SOUND, "--facts", GOOD_HOST)
    assert outcome.out.splitlines()[-1] == "verdict  degraded"
    assert "skipped  HST-006 Port in use" in outcome.out


def test_a_port_in_use_is_told_with_its_holder_and_another_port():
    taken = looked_at(5000, free=False, holder="nginx (812)")
    outcome = glm("preflight", "--facts", "-", stdin=taken)
    assert outcome.code == 1
    assert "port 5000 is in use by nginx (812)" in outcome.out
    assert "--set server.port=5001" in outcome.out


def test_quiet_prints_findings_only():
    outcome = glm("preflight", "-q", "--facts", GOOD_HOST)
    assert outcome.err == ""
    assert "warning  IMG-001" in outcome.out
    for word in ("passed", "skipped", "verdict", "BKD-003"):
        assert word not in outcome.out


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("info", 1)])
def test_fail_on_sets_the_severity_that_fails(fail_on, code):
    assert glm("preflight", "--fail-on", fail_on, "--facts", GOOD_HOST).code == code


def test_an_allowed_finding_no_longer_fails_and_is_shown():
    allow = ("--allow", "GPU-001")
    outcome = glm("preflight", *allow, "--facts", facts("rtx-pro-6000-x6"))
    assert outcome.code == 0
    assert "allowed  GPU-001 Too few GPUs" in outcome.out
    data = json.loads(glm("preflight", *allow, "--json", "--facts", facts("rtx-pro-6000-x6")).out)
    assert [finding["rule"] for finding in data["allowed"]] == ["GPU-001"]
    assert data["verdict"] == "degraded"


def test_a_plan_is_judged_together_with_the_host():
    outcome = glm("preflight", "--set", "engine.kv_cache_dtype=auto", "--facts", GOOD_HOST)
    assert outcome.code == 1
    assert "error    KV-001" in outcome.out
