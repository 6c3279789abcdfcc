"""`--allow`: an overruled finding stays visible and no longer counts."""

from __future__ import annotations

from rule_cases import GOOD, SOUND, Launch, host, launch

from glm_deploy.rules import judge

FP8 = launch(*SOUND, "engine.kv_cache_dtype=fp8_e4m3")


def test_an_allowed_finding_leaves_the_findings_and_the_verdict():
    before = judge(FP8.spec(), GOOD)
    after = judge(FP8.spec(), GOOD, allow=["KV-001"])
    assert before.verdict == "blocked"
    assert after.verdict == "ready"
    assert [f.rule for f in after.allowed] == ["KV-001"]
    assert [f for f in before.findings if f.rule == "KV-001"] == list(after.allowed)


def test_an_allowed_finding_is_in_the_json():
    data = judge(FP8.spec(), GOOD, allow=["KV-001"]).to_json()
    assert [f["rule"] for f in data["allowed"]] == ["KV-001"]
    assert "KV-001" not in {f["rule"] for f in data["findings"]}
    assert "KV-001" not in {p["rule"] for p in data["passed"]}


def test_an_allowed_rule_that_found_nothing_is_passed():
    report = judge(launch(*SOUND).spec(), GOOD, allow=["KV-001"])
    assert report.allowed == ()
    assert "KV-001" in {p.rule for p in report.passed}


def test_allowing_one_rule_leaves_the_others_alone():
    report = judge(Launch().spec(), host("h100-x8"), allow=["GPU-003"])
    assert {f.rule for f in report.allowed} == {"GPU-003"}
    assert "GPU-002" in {f.rule for f in report.findings}
    assert report.verdict == "blocked"


def test_allowing_a_rule_does_not_make_unread_facts_read():
    facts = GOOD.model_copy(update={"gpus": None})
    report = judge(launch(*SOUND).spec(), facts, allow=["GPU-002"])
    assert "GPU-002" in {s.rule for s in report.skipped}
    assert report.verdict == "degraded"
