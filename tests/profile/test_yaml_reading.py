"""Profiles are YAML 1.2 core data: words stay words, every key knows its line, nothing runs."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glm_deploy.errors import UsageError
from glm_deploy.profile.yaml_tree import MAX_CHARACTERS, MAX_DEPTH, read_yaml

WORDS = ["no", "yes", "on", "off", "y", "n", "No", "OFF", "1:30", "0x1F", "0o17", "1_000", ".inf"]


def read(text, is_text=lambda _: False):
    return read_yaml(text, "my.yaml", is_text)


def refusal(text):
    with pytest.raises(UsageError) as refused:
        read(text)
    assert refused.value.remedy
    return refused.value.message


@pytest.mark.parametrize("word", WORDS)
def test_what_only_yaml_1_1_takes_for_something_else_is_a_word(word):
    assert read(f"a: {word}").data == {"a": word}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("+7", 7),
        ("0.85", 0.85),
        (".5", 0.5),
        ("1e5", 1e5),
        ("null", None),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("12 GPUs", "12 GPUs"),
        ("2001-01-01", "2001-01-01"),
        ("580.65.06", "580.65.06"),
    ],
)
def test_scalars_follow_the_core_schema(written, value):
    read_value = read(f"a: {written}").data["a"]
    assert read_value == value
    assert type(read_value) is type(value)


@pytest.mark.parametrize(("written", "value"), [("010", 10), ("05000", 5000), ("008", 8)])
def test_a_leading_zero_makes_no_octal_number(written, value):
    assert read(f"a: {written}").data == {"a": value}


@pytest.mark.parametrize("written", ["1e5", "010", "true", "12.0", "0.5.10.post1", "no", "1_000"])
def test_where_text_is_wanted_scalars_stay_as_they_are_written(written):
    assert read(f"a: {written}", is_text=lambda path: path == ("a",)).data == {"a": written}


@pytest.mark.parametrize("written", ["null", "~", ""])
def test_where_text_is_wanted_null_still_unsets(written):
    assert read(f"a: {written}", is_text=lambda _: True).data == {"a": None}


def test_a_quoted_null_is_text():
    assert read('a: "null"', is_text=lambda _: True).data == {"a": "null"}


def test_every_key_and_item_knows_its_line():
    tree = read("a:\n  b: 1\n\n  # a comment\n  c:\n    - x\n    - y\nd: {e: 1,\n  f: 2}\n")
    lines = {".".join(path): line for path, line in tree.lines.items() if path}
    assert lines == {
        "a": 1,
        "a.b": 2,
        "a.c": 5,
        "a.c.0": 6,
        "a.c.1": 7,
        "d": 8,
        "d.e": 8,
        "d.f": 9,
    }


def test_a_key_that_is_set_twice_is_refused_with_both_lines():
    assert refusal("a:\n  b: 1\n  c: 2\n  b: 3\n") == "my.yaml:4: a.b is set twice, first at line 2"


def test_a_duplicate_is_seen_through_quotes():
    assert refusal("a: 1\n'a': 2\n") == "my.yaml:2: a is set twice, first at line 1"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1\n", "my.yaml:2:1"),
        ("a:\n\tb: 1\n", "my.yaml:2:1"),
        ("a: b: c\n", "my.yaml:1:5"),
        ("a: 'open\n", "my.yaml:"),
        ("a: 1\n---\nb: 2\n", "my.yaml:2:1"),
        ("%YAML 9.9\n---\na: 1\n", "my.yaml:1:"),
        ("a: \x07\n", "my.yaml"),
        ("}", "my.yaml:1:1"),
        ("? [a]\n: 1\n", "my.yaml:1"),
    ],
)
def test_broken_yaml_is_refused_with_its_place(text, place):
    assert refusal(text).startswith(place)


def test_aliases_are_refused_before_they_multiply():
    bomb = "a: &a [x,x]\n" + "".join(
        f"{k}: &{k} [*{j},*{j}]\n" for j, k in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert refusal(bomb) == "my.yaml:2: aliases (*a) are not allowed"


def test_an_alias_to_itself_is_refused():
    assert "aliases (*a) are not allowed" in refusal("a: &a [*a]\n")


def test_a_merge_key_is_a_key_like_any_other():
    assert read("<<: {a: 1}\n").data == {"<<": {"a": 1}}


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [id]\n",
        "a: !!python/name:os.system\n",
        "a: !mine 3\n",
        "a: !!binary aGk=\n",
        "a: !!timestamp 2001-01-01\n",
        "a: !!set {x, y}\n",
        "a: !!omap [x: 1]\n",
        "a: !<tag:example.com,2000:x> 3\n",
    ],
)
def test_a_tag_that_is_not_plain_data_is_refused(text):
    assert refusal(text).startswith("my.yaml:1: the tag ")


@pytest.mark.parametrize("text", ["a: !!int 0x10\n", "a: !!bool perhaps\n", "a: !!float one\n"])
def test_a_tag_that_its_value_contradicts_is_refused(text):
    assert "cannot be read as" in refusal(text)


def test_a_tag_that_says_what_is_there_anyway_is_fine():
    assert read("a: !!str 3\nb: !!int 3\nc: !!map {d: !!seq [1]}\n").data == {
        "a": "3",
        "b": 3,
        "c": {"d": [1]},
    }


def test_a_number_too_long_for_python_is_refused():
    assert refusal(f"a: {'9' * 5000}\n").startswith("my.yaml:1: '9999")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_depth_is_bounded(opening):
    assert f"nests more than {MAX_DEPTH} levels deep" in refusal(opening * 5000)


def test_ordinary_depth_is_fine():
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH).data


def test_length_is_bounded():
    assert "1,000,001 characters" in refusal("#" * (MAX_CHARACTERS + 1))
    assert read("#" * MAX_CHARACTERS).data is None


PASSABLE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | PASSABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PASSABLE, inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_any_data_is_read_back_as_it_was_written(data):
    assert read(yaml.safe_dump(data)).data == data


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    try:
        read(text)
    except UsageError as refused:
        assert refused.message.startswith("my.yaml")
