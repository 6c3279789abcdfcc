"""Every rule finds its bad state, lets sound launches pass, and never passes what it cannot see."""

from __future__ import annotations

import pytest
from rule_cases import GOOD, NVML_CODES, PASSES, SILENT, SOUND, TRIGGERS, UNREADABLE, Launch, launch

from glm_deploy.model import Severity
from glm_deploy.rules import CATALOGUE

HOST_RULES = [rule.id for rule in CATALOGUE.values() if rule.needs]


def each(table):
    return [
        pytest.param(rule, case, id=f"{rule} {number}")
        for rule, cases in table.items()
        for number, case in enumerate(cases)
    ]


def ids(outcomes):
    return {outcome.rule for outcome in outcomes}


def test_every_rule_has_a_launch_or_host_in_its_bad_state():
    assert sorted(TRIGGERS) == sorted(CATALOGUE)
    assert all(TRIGGERS.values())


def test_every_rule_about_a_host_has_hosts_that_cannot_be_read():
    assert sorted(UNREADABLE) == sorted(HOST_RULES)


@pytest.mark.parametrize(("rule", "case"), each(TRIGGERS))
def test_a_rule_finds_its_bad_state(rule, case):
    report = case.report()
    (*findings,) = (finding for finding in report.findings if finding.rule == rule)
    assert findings
    assert rule not in ids(report.passed)
    for finding in findings:
        assert finding.severity is CATALOGUE[rule].severity
        assert finding.title == CATALOGUE[rule].title
        assert finding.source == CATALOGUE[rule].source.text
        assert finding.basis is CATALOGUE[rule].source.basis
        assert all((finding.subject, finding.observed, finding.message, finding.fix))


@pytest.mark.parametrize(("rule", "case"), each(PASSES))
def test_a_rule_lets_the_neighbour_of_its_bad_state_pass(rule, case):
    report = case.report()
    assert rule in ids(report.passed)
    assert rule not in ids(report.findings)


@pytest.mark.parametrize("rule", sorted(set(CATALOGUE) - set(PASSES)))
def test_a_rule_without_a_neighbour_passes_the_sound_launch(rule):
    assert rule in ids(Launch(SOUND, facts=GOOD).report().passed)


@pytest.mark.parametrize(("rule", "case"), each(SILENT))
def test_a_rule_says_nothing_where_it_does_not_hold(rule, case):
    report = case.report()
    assert rule not in ids(report.findings) | ids(report.passed) | ids(report.skipped)


@pytest.mark.parametrize(("rule", "facts"), each(UNREADABLE))
def test_what_could_not_be_read_is_skipped_with_a_reason_and_never_passed(rule, facts):
    report = Launch(SOUND, facts=facts).report()
    (skipped,) = (skip for skip in report.skipped if skip.rule == rule)
    assert skipped.reason
    assert skipped.title == CATALOGUE[rule].title
    assert rule not in ids(report.passed)


@pytest.mark.parametrize(("rule", "facts"), each(UNREADABLE))
def test_what_could_not_be_read_is_not_ready(rule, facts):
    assert Launch(SOUND, facts=facts).report().verdict != "ready"


@pytest.mark.parametrize("field", ["gpus", "nvml", "driver_version", "cuda_driver_version"])
def test_one_unreadable_fact_on_a_good_host_degrades_the_verdict(field):
    facts = GOOD.model_copy(update={field: None})
    assert Launch(SOUND, facts=facts).report().verdict == "degraded"


def test_the_reason_of_a_skip_is_the_one_that_the_probe_gave():
    facts = GOOD.model_copy(
        update={"driver_version": None, "unobserved": {"driver_version": "no permission"}}
    )
    report = Launch(SOUND, facts=facts).report()
    assert {s.reason for s in report.skipped if s.rule == "HST-002"} == {"no permission"}


def test_a_sound_launch_on_a_good_host_is_ready():
    report = Launch(SOUND, facts=GOOD).report()
    assert [f.rule for f in report.findings if f.severity is not Severity.INFO] == []
    assert report.skipped == ()
    assert report.verdict == "ready"


def test_without_facts_no_rule_about_a_host_is_asked():
    report = launch().report()
    asked = ids(report.findings) | ids(report.passed) | ids(report.skipped)
    assert asked.isdisjoint(HOST_RULES)


def test_findings_come_worst_first():
    severities = [f.severity.rank for f in launch("engine.kv_cache_dtype=auto").report().findings]
    assert severities == sorted(severities, reverse=True)
    assert len(set(severities)) == 3


def test_a_secret_is_never_repeated_in_a_finding():
    report = launch("env.HF_TOKEN=hf_abc", "engine.extra_args.--admin-api-key=hunter2").report()
    assert not [f for f in report.findings if "hf_abc" in str(f) or "hunter2" in str(f)]


@pytest.mark.parametrize("code", NVML_CODES)
def test_each_nvml_error_comes_with_something_to_do(code):
    (finding,) = Launch(facts=NVML_CODES[code]).findings("HST-001")
    assert finding.observed == f"NVML error {code}"
    assert finding.fix


def test_the_remedies_of_the_nvml_errors_differ():
    fixes = [Launch(facts=facts).findings("HST-001")[0].fix for facts in NVML_CODES.values()]
    assert len(set(fixes)) == len(fixes)


def test_only_the_devices_that_the_profile_lists_are_judged():
    broken = GOOD.gpus[6].model_copy(update={"compute_capability": (9, 0), "name": "NVIDIA H100"})
    facts = GOOD.model_copy(update={"gpus": (*GOOD.gpus[:6], broken, GOOD.gpus[7])})
    assert Launch(profile="sm120-tp2-pp3", facts=facts).findings("GPU-002") == ()
    assert Launch(facts=facts).findings("GPU-002")


def test_devices_may_be_listed_by_uuid_or_pci_address():
    wanted = [GOOD.gpus[0].uuid, GOOD.gpus[1].pci_address, "2", "3", "4", "5"]
    setting = f"container.devices={wanted}"
    case = Launch((setting,), "sm120-tp2-pp3", GOOD)
    assert case.findings("GPU-001") == ()


def test_listed_devices_that_the_host_does_not_have_are_too_few():
    facts = GOOD.model_copy(update={"gpus": GOOD.gpus[:4]})
    (finding,) = Launch(profile="sm120-tp2-pp3", facts=facts).findings("GPU-001")
    assert finding.message == "profile sm120-tp2-pp3 needs 6 GPUs; this host has 4"


@pytest.mark.parametrize("value", ["inf", "nan", "1e999", "-inf", "words", ""])
@pytest.mark.parametrize("flag", ["--chunked-prefill-size", "--max-running-requests"])
def test_a_value_that_is_no_number_is_left_to_the_parser_to_refuse(flag, value):
    report = launch(f'engine.extra_args.{flag}="{value}"').report()
    assert "FLG-002" in ids(report.findings)
