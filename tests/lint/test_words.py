"""The shell reader reads words as a shell does, expands nothing from outside, keeps every place."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_deploy.lint.words import Lines, Operator, Variable, Word, read_words


def words(text):
    return [token.text for token in read_words(text)[0] if isinstance(token, Word)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("a \\\n  b", ["a", "b"]),
        ("a\\\nb", ["ab"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a'b'\"c\"d", ["abcd"]),
        ("''", [""]),
        ("a\\ b", ["a b"]),
        ('"a\\"b\\$c\\d"', ['a"b$c\\d']),
        ("a # b\nc", ["a", "c"]),
        ("a#b", ["a#b"]),
        ("$'a\\nb'", ["a\nb"]),
        ("cat <<EOF\nnot a word\nEOF\nnext", ["cat", "next"]),
    ],
)
def test_words_are_those_of_a_shell(text, expected):
    assert words(text) == expected


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r")), max_size=8))
def test_what_shlex_quotes_is_read_back(texts):
    assert words(shlex.join(texts)) == texts


PIECES = st.lists(st.sampled_from(list("ab '\"\\\n;&|#=")), max_size=14).map("".join)


@given(PIECES)
@settings(max_examples=60, deadline=None)
def test_words_are_those_of_dash_where_dash_takes_the_text(text):
    script = f"printf '<%s>' {text.replace(';', '').replace('&', '').replace('|', '')}"
    if "\n" in text:
        return
    real = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False)
    if real.returncode or real.stderr:
        return
    _, _, *ours = words(script)
    assert "".join(f"<{word}>" for word in ours or [""]) == real.stdout.decode()


def test_variables_stay_as_they_are_written():
    (word,) = (t for t in read_words('"a ${B:-c} $(d e) `f` $G"')[0] if isinstance(t, Word))
    assert word.text == "a ${B:-c} $(d e) `f` $G"
    names = [part.name for part in word.parts if isinstance(part, Variable)]
    assert names == ["B", "", "", "G"]
    assert word.open


def test_operators_end_commands():
    tokens, _ = read_words("a && b; c | d > e 2>&1 &")
    texts = [token.text for token in tokens if isinstance(token, Operator)]
    assert texts == ["&&", ";", "|", ">", "2>&", "&"]


def test_a_quote_that_is_never_closed_is_told_with_its_place():
    assert read_words("a 'b c")[1] == 2
    assert read_words('a "b c')[1] == 2
    assert read_words("a 'b'")[1] is None


def test_every_word_knows_its_line_and_column():
    text = "one \\\n  two 'th\nree' four"
    lines = Lines(text)
    places = [lines.place(t.at) for t in read_words(text)[0] if isinstance(t, Word)]
    assert places == [(1, 1), (2, 3), (2, 7), (3, 6)]
