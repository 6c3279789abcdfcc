"""Rubbish, bombs and half a document: refused or read within a second, never a traceback."""

from __future__ import annotations

import time

import pytest
from corpus import BROKEN, CLEAN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lints import linted

from glm_deploy.errors import DeployError
from glm_deploy.lint.document import MAX_CHARACTERS

LAUNCHES = [*CLEAN.values(), *(text for text, _ in BROKEN.values())]
PIECES = (
    "docker |run |--gpus |python3 -m sglang.launch_server |--tp |8 |{|}|'|\"|\\|\n|$|${|$(|`|;|&&"
    "|<<|EOF|#|=|-e |:|services:|  a:|    command: |- |&a |*a |<<: |kind: Pod|[Service]|ExecStart="
    "|Environment=|bash -c |A=(|)|apiVersion: v1\n|image: x/sglang"
)
SYNTAX = st.lists(st.sampled_from(PIECES.split("|")), max_size=40).map("".join)


def survives(text):
    start = time.perf_counter()
    try:
        linted(text)
    except DeployError as error:
        assert error.remedy
    assert time.perf_counter() - start < 1


@given(st.text(max_size=400))
@settings(deadline=None, max_examples=150)
def test_any_text(text):
    survives(text)


@given(SYNTAX)
@settings(deadline=None, max_examples=400)
def test_any_heap_of_syntax(text):
    survives(text)


@given(st.sampled_from(LAUNCHES), st.data())
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_any_launch_that_is_cut_and_mixed(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    insert = data.draw(SYNTAX | st.text(max_size=5))
    survives(text[:start] + insert + text[end:])


MEGABYTE = 1_000_000
PATTERNS = [
    "a ",
    "'",
    '"',
    "$(",
    "${",
    "$a",
    "\\\n",
    "<<E\n",
    "(",
    "[",
    "{",
    "- ",
    "a: ",
    "A=$A$A\n",
]
PATTERNS += [
    "docker run ",
    "-e ",
    "bash -c '",
    "sglang serve --model-path x ",
    "a=(b) ",
    "x|",
    "\x00",
]
PATTERNS += ["services: ", "&a [*a,", "--", "é", "kind: x\n---\n", "[Service]\nExecStart=x\n", "`"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_megabyte_is_refused_or_read_within_a_second(pattern):
    survives((pattern * MEGABYTE)[:MEGABYTE])


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    "head", ["", "services:\n  a:\n    command: ", "sglang serve --model-path "]
)
def test_the_longest_text_that_is_read_takes_a_second_at_most(pattern, head):
    survives((head + pattern * MAX_CHARACTERS)[:MAX_CHARACTERS])


def test_a_billion_laughs_are_refused():
    rows = ["services: {}", "a0: &a0 [x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(DeployError, match="items"):
        linted("\n".join(rows))


def test_merged_laughs_are_refused():
    rows = ["services: {}", "a0: &a0 {x: 1}"]
    rows += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    survives("\n".join(rows))


def test_a_circle_of_aliases_is_refused():
    survives("services: &a\n  a: *a\n")


def test_values_that_double_are_left_as_they_are():
    doubling = "A=xxxxxxxxxx\n" + "A=$A$A\n" * 200
    survives(f"{doubling}sglang serve --model-path $A")
