"""Clean launches raise no error, broken ones raise the one that is meant."""

from __future__ import annotations

import pytest
from corpus import BROKEN, CLEAN
from lints import linted

from glm_deploy.model import Severity


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_launch_has_no_error(name):
    report = linted(CLEAN[name]).report
    assert [f for f in report.findings if f.severity is Severity.ERROR] == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_launch_is_told(name):
    text, rules = BROKEN[name]
    assert rules <= {finding.rule for finding in linted(text).report.findings}


@pytest.mark.parametrize("name", [*CLEAN, *BROKEN])
def test_every_finding_has_a_place_in_the_text(name):
    text = CLEAN.get(name) or BROKEN[name][0]
    lines = text.split("\n")
    for finding in linted(text).report.findings:
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
