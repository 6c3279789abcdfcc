"""Reads a systemd unit: its ExecStart, Environment and EnvironmentFile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glm_deploy.lint.docker_run import Beside, env_file_lines
from glm_deploy.lint.foreign import Document, Note
from glm_deploy.lint.scope import split_assignment
from glm_deploy.lint.script import Walk
from glm_deploy.lint.words import Operator, Variable, Word, joined, plain, read_words

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html
_SETTING = re.compile(r"([A-Za-z]+)\s*=\s*(.*)", re.DOTALL)
_PREFIXES = "@-:+!|"


def settings(text: str) -> Iterator[tuple[str, str, int]]:
    """Key, value (continued lines joined, their length kept) and offset of the value."""
    at = 0
    lines = text.split("\n")
    index = 0
    while index < len(lines):
        start, pieces = at, []
        while True:
            line = lines[index]
            at += len(line) + 1
            index += 1
            continued = line.endswith("\\") and index < len(lines)
            pieces.append(f"{line[:-1]}  " if continued else line)
            if not continued:
                break
        joined_line = "".join(pieces)
        match = _SETTING.match(joined_line)
        if match and not joined_line.lstrip().startswith(("#", ";")):
            yield match[1], match[2], start + match.start(2)


def read_systemd(text: str, beside: Beside) -> Document:
    """The launch of a unit."""
    document = Document("systemd unit")
    env: dict[str, Word] = {}
    env_at: dict[str, int] = {}
    commands: list[tuple[str, int]] = []
    restart = ""
    for key, value, at in settings(text):
        if key == "Environment":
            for word in _words(value, at, text):
                if assigned := split_assignment(word):
                    env[assigned[0]], env_at[assigned[0]] = assigned[2], word.at
        elif key == "EnvironmentFile":
            _environment_file(value, at, beside, document, env, env_at)
        elif key == "ExecStart" and value:
            commands.append((value, at))
        elif key == "Restart":
            restart = value
    for value, at in commands:
        command = value.lstrip(_PREFIXES)
        walk = Walk(text, beside)
        walk.scope.values = dict(env)
        words = [
            _known(word, env) for word in _words(command, at + len(value) - len(command), text)
        ]
        document.launches += walk.inside(words, env, env_at)
        document.notes += walk.notes
    for launch in document.launches:
        launch.kind = "systemd unit" if launch.container is None else "docker run in a systemd unit"
    if restart in {"always", "on-failure"} and "StartLimit" not in text:
        document.notes.append(Note(f"Restart={restart}: systemd's own start limit bounds it"))
    return document


def _words(value: str, at: int, raw: str) -> list[Word]:
    """The words of a setting; `$$` is a dollar, and there are no shell operators."""
    words = []
    for token in read_words(value.replace("%%", "%"))[0]:
        if isinstance(token, Operator):
            words.append(Word((token.text,), at + token.at))
        else:
            parts = [
                "$" if isinstance(p, Variable) and p.written == "$$" else p for p in token.parts
            ]
            words.append(Word(joined(parts), at + token.at, token.quoted))
    return words


def _known(word: Word, env: dict[str, Word]) -> Word:
    """The word with the unit's own variables filled in."""
    parts: list[str | Variable] = []
    for part in word.parts:
        known = env.get(part.name) if isinstance(part, Variable) else None
        parts += known.parts if known else (part,)
    return Word(joined(parts), word.at, word.quoted)


def _environment_file(
    value: str,
    at: int,
    beside: Beside,
    document: Document,
    env: dict[str, Word],
    env_at: dict[str, int],
) -> None:
    text = beside(value.lstrip("-"))
    if text is None:
        document.notes.append(Note(f"EnvironmentFile {value} was not read", at))
    for name, content in env_file_lines(text or ""):
        env[name], env_at[name] = plain(content.strip("\"'"), at), at
