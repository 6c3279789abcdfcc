"""`glm-deploy profiles`: what there is to choose from."""

from __future__ import annotations

import json

from invocation import glm

from glm_deploy.profile.reference import reference
from glm_deploy.profile.shipped import shipped_names


def test_every_shipped_profile_is_listed_with_its_evidence():
    outcome = glm("profiles")
    heading, *rows = outcome.out.splitlines()
    assert (outcome.code, outcome.err) == (0, "")
    assert heading.split() == ["PROFILE", "EVIDENCE", "SUMMARY"]
    assert [row.split()[0] for row in rows] == list(shipped_names())
    assert {row.split()[1] for row in rows} <= {"reported", "calculated", "measured", "documented"}


def test_json_has_name_summary_and_evidence():
    listed = json.loads(glm("profiles", "--json").out)
    assert [profile["name"] for profile in listed] == list(shipped_names())
    for profile in listed:
        assert set(profile) == {"name", "summary", "evidence"}
        assert set(profile["evidence"]) == {"basis", "sources", "note"}
        assert profile["summary"]


def test_markdown_is_the_reference_of_the_keys():
    assert glm("profiles", "--markdown").out == reference()


def test_an_override_in_the_environment_that_no_profile_takes_is_refused():
    outcome = glm("profiles", GLM_DEPLOY__ENGIN__X="1")
    assert outcome.code == 2
    assert "GLM_DEPLOY__ENGIN__X: engin is not a key of a profile" in outcome.err
