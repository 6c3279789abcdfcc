"""The catalogue as a whole: IDs, titles, rationales, sources, and the page made of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rule_cases import TRIGGERS

from glm_deploy.errors import UsageError
from glm_deploy.model import Basis, Severity
from glm_deploy.rules import CATALOGUE, check_ids, find
from glm_deploy.rules.page import as_json, page, reference

CHECKOUT = Path(__file__).parents[2]
RULES = [pytest.param(rule, id=rule.id) for rule in CATALOGUE.values()]

# A public address, a thread, or the name of a place that is public.
PLACE = re.compile(r"https?://\S+\.\S+|[\w.-]+/[\w.-]+#\d+|sglang fork at [0-9a-f]{8}")
NAMED_PLACES = {"CTR-001": "118 restarts in 27 minutes"}


@pytest.mark.parametrize("rule", RULES)
def test_an_id_is_a_family_and_three_digits(rule):
    assert re.fullmatch(r"[A-Z]{2,4}-\d{3}", rule.id)
    assert CATALOGUE[rule.id] is rule


def test_no_rule_was_lost_to_another_with_its_id():
    found = [
        declared
        for path in (CHECKOUT / "glm_deploy" / "rules").glob("*.py")
        for declared in re.findall(r'^@rule\(\s+"([A-Z]+-\d{3})"', path.read_text("utf-8"), re.M)
    ]
    assert sorted(found) == sorted(CATALOGUE)


@pytest.mark.parametrize("rule", RULES)
def test_every_field_is_filled(rule):
    assert rule.title.strip()
    assert rule.subjects
    assert all(rule.subjects)
    assert rule.fix.strip()
    assert rule.holds_for.strip()
    assert rule.severity in set(Severity)
    assert rule.source.basis in set(Basis)


@pytest.mark.parametrize("rule", RULES)
def test_the_severity_is_not_in_the_id_or_the_title(rule):
    words = f"{rule.id} {rule.title}".lower().split()
    assert {"error", "warning", "info"}.isdisjoint(words)


@pytest.mark.parametrize("rule", RULES)
def test_the_title_names_a_state_and_gives_no_order(rule):
    assert not re.match(
        r"(use|set|do|avoid|check|make|should|must|never|always)\b", rule.title, re.I
    )
    assert not rule.title.endswith(".")
    assert len(rule.title) <= 80


def test_titles_differ():
    titles = [rule.title for rule in CATALOGUE.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("rule", RULES)
def test_the_rationale_is_a_sentence_or_more(rule):
    assert rule.why.endswith((".", "`."))
    assert len(rule.why.split()) >= 8
    assert rule.why != rule.title


@pytest.mark.parametrize("rule", RULES)
def test_the_source_names_a_place_that_can_be_looked_up(rule):
    named = NAMED_PLACES.get(rule.id)
    assert PLACE.search(rule.source.text) or (named and named in rule.source.text)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_reads_a_host_names_facts_that_exist(rule):
    from glm_deploy.facts import Facts

    assert set(rule.needs) <= set(Facts.model_fields)


@pytest.mark.parametrize("rule", RULES)
def test_what_a_rule_decides_is_one_of_its_subjects(rule):
    from glm_deploy.rules import Case

    for launch in TRIGGERS[rule.id]:
        case = Case(launch.spec(), launch.facts)
        if rule.applies(case):
            assert set(rule.decides(case)) <= set(rule.subjects)


def test_a_rule_is_found_in_any_case_and_nothing_else_is():
    assert find("kv-001") is CATALOGUE["KV-001"]
    assert find("KV-999") is None
    assert check_ids(["kv-001", "KV-001", "img-001"]) == ("KV-001", "IMG-001")


def test_an_unknown_id_is_refused_by_name():
    with pytest.raises(UsageError, match=r"there is no rule KV-999, NOPE"):
        check_ids(["KV-001", "kv-999", "nope"])


@pytest.mark.parametrize("rule", RULES)
def test_a_page_says_everything_there_is_to_a_rule(rule):
    text = page(rule)
    for part in (rule.id, rule.title, rule.severity, rule.why, rule.fix, rule.source.text):
        assert part in text
    assert all(subject in text for subject in rule.subjects)
    assert set(as_json(rule)) == {
        *("rule", "title", "severity", "subjects", "holds_for", "needs", "why", "fix", "source"),
    }


def test_the_reference_page_is_current():
    written = (CHECKOUT / "docs" / "reference" / "rules.md").read_text("utf-8")
    assert written == reference(), "run `make docs`"
