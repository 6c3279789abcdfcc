"""Following the fix clears the finding, and brings no other error."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise

import pytest
from rule_cases import DIGEST, REVISION, TRIGGERS, Launch, host

from glm_deploy.facts import PortUse
from glm_deploy.model import Severity

# Fixes that hold a word for the operator to replace, and what a sensible one would put there.
PLACEHOLDERS = {"IMG-001": DIGEST, "SEC-002": REVISION}

# Fixes by `--set` that bring the profile to other hardware than the case is about.
OTHER_HARDWARE = {"IMG-004"}


def settings_of(fix: str) -> list[tuple[str, ...]]:
    """The `--set` arguments of a fix as a shell would pass them; one tuple for each alternative."""
    alternatives = [part for part in re.split(r",? or | \(", fix) if part.startswith("--set ")]
    words = [shlex.split(part.rstrip(",")) for part in alternatives]
    return [tuple(w for flag, w in pairwise(ws) if flag == "--set") for ws in words]


def pasteable():
    for rule, launches in TRIGGERS.items():
        for number, launch in enumerate(launches):
            # What was taken out of the spec by hand is not there for an override to act on.
            if launch.without:
                continue
            for finding in launch.findings(rule):
                for way, settings in enumerate(settings_of(finding.fix)):
                    used = (PLACEHOLDERS[rule],) if rule in PLACEHOLDERS else settings
                    name = f"{rule} {number} {finding.subject} {way}"
                    yield pytest.param(rule, launch, finding, used, id=name)


def errors(report):
    return {f.rule for f in report.findings if f.severity is Severity.ERROR}


CASES = list(pasteable())


def test_the_fixes_are_read_as_a_shell_reads_them():
    assert settings_of("--set a=1 --set 'b=[\"2\"]', or --set c=3 (which is d)") == [
        ("a=1", 'b=["2"]'),
        ("c=3",),
    ]
    assert settings_of("sudo reboot") == []


def test_most_rules_about_a_launch_have_a_fix_to_paste():
    assert len({case.values[0] for case in CASES}) >= 30


@pytest.mark.parametrize(("rule", "launch", "finding", "settings"), CASES)
def test_following_the_fix_clears_the_finding(rule, launch, finding, settings):
    after = launch.report(*settings)
    left = [f for f in after.findings if f.rule == rule and f.subject == finding.subject]
    assert left == []


@pytest.mark.parametrize(("rule", "launch", "finding", "settings"), CASES)
def test_following_the_fix_brings_no_new_error(rule, launch, finding, settings):
    if rule not in OTHER_HARDWARE:
        assert errors(launch.report(*settings)) <= errors(launch.report())


def test_words_in_capitals_stand_only_in_fixes_that_are_known_to_hold_them():
    capitals = {
        case.values[0]
        for case in CASES
        if re.search(r"=[A-Z]{4,}\b|\bIMAGE\b|\$\(", case.values[2].fix)
    }
    assert capitals == set(PLACEHOLDERS)


def test_the_port_that_is_offered_instead_is_the_next_one():
    taken = host(ports={5000: PortUse(free=False), 5001: PortUse(free=True)})
    (finding,) = Launch(facts=taken).findings("HST-006")
    assert finding.fix.endswith("--set server.port=5001")
    assert Launch(("server.port=5001",), facts=taken).findings("HST-006") == ()
