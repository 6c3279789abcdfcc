"""Walks through shell text command by command and collects every engine that it starts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glm_deploy.lint.docker_run import Beside, Run, read_docker_run
from glm_deploy.lint.engines import SGLANG, bare_arguments, engine_of_image, find_start
from glm_deploy.lint.foreign import Foreign, Note
from glm_deploy.lint.scope import Scope, split_assignment
from glm_deploy.lint.words import Operator, Token, Word, read_words
from glm_deploy.lint.wrappers import unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHELLS = {"bash", "sh", "zsh", "dash", "ash"}
_DECLARE = {"export", "declare", "typeset", "readonly", "local"}
# Scripts in scripts in scripts: deeper is no launch that anybody wrote.
MAX_DEPTH = 5
_LEXEME = re.compile(r"['\"]?([^\s\\'\"|&;<>()]{1,60})")
# A piece of text whose words are not found in the document where they should be is not sought on.
MAX_MISSES = 20
MAX_GAP = 120
# The longest commands that people write have a hundred words, the longest scripts a few launches.
MAX_WORDS = 1_000
MAX_LAUNCHES = 20


@dataclass(slots=True)
class Walk:
    """One pass over shell text. `raw` is the whole document that offsets count in."""

    raw: str
    beside: Beside
    scope: Scope = field(default_factory=Scope)
    launches: list[Foreign] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    depth: int = 0

    def text(self, text: str, at: int = 0) -> None:
        """Walk through a piece of text that stands in the document from offset `at` on."""
        tokens, unclosed = read_words(text)
        if unclosed is not None:
            self.notes.append(Note("a quote opens here that is never closed", at + unclosed))
        if text != self.raw:
            tokens = relocated(tokens, text, self.raw, at)
        self.tokens(tokens)

    def tokens(self, tokens: Sequence[Token]) -> None:
        """Walk through tokens: simple commands between operators."""
        command: list[Word] = []
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if isinstance(token, Word):
                command.append(token)
            elif token.text == "(" and command and _opens_array(command[-1]):
                index = self._array(command.pop(), tokens, index)
            elif token.text[-1] in "<>|" and token.text not in {"|", "||"}:
                index += 1  # what follows is a file
            elif token.text.endswith("&") and token.text[0] in "<>0123456789":
                index += 1
            else:
                self.command(command)
                command = []
            index += 1
        self.command(command)

    def _array(self, name: Word, tokens: Sequence[Token], index: int) -> int:
        """Take `NAME=( … )`; the index of the closing bracket."""
        items: list[Word] = []
        index += 1
        while index < len(tokens):
            token = tokens[index]
            if isinstance(token, Operator):
                if token.text == ")":
                    break
            else:
                items += self.scope.fields(token)
            index += 1
        assigned = split_assignment(name)
        if assigned:
            key, operator, _ = assigned
            before = self.scope.arrays.get(key, ()) if operator == "+=" else ()
            self.scope.arrays[key] = (*before, *items) if len(before) < 2000 else before
        return index

    def command(self, words: Sequence[Word]) -> None:
        """Take one simple command."""
        command, assignments, wrappers = unwrap(words)
        if not command:
            for word in assignments:
                self._assign(word)
            return
        fields = [field for word in command for field in self.scope.fields(word)]
        # A wrapper may have come out of a variable: `$RUN python3 -m …`.
        fields, more, further = unwrap(fields)
        name = fields[0].text if fields else ""
        if name in _DECLARE:
            self._declare(fields[1:], exporting=name == "export" or _has_x(fields[1:2]))
        elif name == "set":
            self.scope.export_all |= any(w.text in {"-a", "-ax", "allexport"} for w in fields[1:])
        elif name == "unset":
            for word in fields[1:]:
                self.scope.values.pop(word.text, None)
        elif name in {"source", "."}:
            self.notes.append(
                Note(f"{name} {_texts(fields[1:])}: that file was not read", fields[0].at)
            )
        elif fields:
            env, env_at = self._environment([*assignments, *more])
            self.start(fields, env, env_at, [*wrappers, *further])

    def start(
        self, words: list[Word], env: dict[str, Word], env_at: dict[str, int], wrappers: list[str]
    ) -> None:
        """Take a command that starts something, with the environment it gets."""
        run = read_docker_run(words, self.beside)
        if run is not None:
            self._docker(run, words[0].at, wrappers)
        elif words[0].text.rpartition("/")[2] in _SHELLS:
            self._shell(words, env, env_at)
        elif len(words) > MAX_WORDS or len(self.launches) >= MAX_LAUNCHES:
            self.notes.append(Note("more words or launches than anybody writes", words[0].at))
        elif found := find_start(words):
            self.launches.append(
                Foreign(
                    kind="command",
                    name="",
                    engine=found.engine,
                    at=words[0].at,
                    launcher=tuple(words[: found.first]),
                    argv=tuple(words[found.first :]),
                    env=env,
                    env_at=env_at,
                )
            )
        elif bare_arguments(words):
            self.launches.append(
                Foreign("arguments", "", SGLANG, words[0].at, (), tuple(words), env, env_at)
            )

    def inside(
        self, words: list[Word], env: dict[str, Word], env_at: dict[str, int]
    ) -> list[Foreign]:
        """The launches that a command makes in a container with these variables, and only these."""
        inner = Walk(self.raw, self.beside, depth=self.depth + 1)
        for name, value in env.items():
            inner.scope.values[name] = value
            inner.scope.exported[name] = env_at.get(name, value.at)
        if words and self.depth < MAX_DEPTH:
            rest, assignments, wrappers = unwrap(words)
            if rest:
                found, places = inner._environment(assignments)
                inner.start(rest, found, places, wrappers)
        self.notes += inner.notes
        return inner.launches

    def _docker(self, run: Run, at: int, wrappers: list[str]) -> None:
        image = run.container.image
        engine = engine_of_image(image.text) if image and not image.open else None
        found = of_image(self.inside(run.words, run.env, run.env_at), engine, at)
        if not found and image is not None:
            words = " ".join(word.text for word in run.words)[:60] or "no command"
            run.notes.append(Note(f"{image.text}: {words}: starts no engine that is known", at))
        for launch in found:
            launch.kind, launch.at = "docker run", at
            launch.container = run.container
            launch.places |= run.places
            launch.notes += run.notes
            launch.lead = (*wrappers, *run.lead)
            self.launches.append(launch)
        if not found:
            self.notes += run.notes

    def _shell(self, words: list[Word], env: dict[str, Word], env_at: dict[str, int]) -> None:
        for index, word in enumerate(words[1:], 1):
            text = word.text
            if text.startswith("-") and not text.startswith("--") and "c" in text:
                break
            if not text.startswith("-"):
                if index == 1 and text.endswith((".sh", ".bash")):
                    self.notes.append(Note(f"{text}: that file was not read", word.at))
                return
        else:
            return
        if index + 1 >= len(words) or self.depth >= MAX_DEPTH:
            return
        script = words[index + 1]
        inner = Walk(self.raw, self.beside, depth=self.depth + 1)
        inner.scope.values = dict(env)
        inner.scope.exported = dict(env_at)
        inner.text(script.text, script.at)
        self.launches += inner.launches
        self.notes += inner.notes

    def _assign(self, word: Word) -> None:
        assigned = split_assignment(word)
        if assigned:
            name, operator, value = assigned
            self.scope.assign(value, name, operator)

    def _declare(self, words: Iterable[Word], *, exporting: bool) -> None:
        for word in words:
            assigned = split_assignment(word)
            name = assigned[0] if assigned else word.text
            if assigned:
                self.scope.assign(assigned[2], name, assigned[1])
            if exporting and not name.startswith("-"):
                self.scope.exported[name] = word.at

    def _environment(self, words: Iterable[Word]) -> tuple[dict[str, Word], dict[str, int]]:
        env = self.scope.environment()
        env_at = {name: at for name, at in self.scope.exported.items() if name in env}
        for word in words:
            assigned = split_assignment(word)
            if assigned:
                env[assigned[0]] = self.scope.resolve(assigned[2])
                env_at[assigned[0]] = word.at
        return env, env_at


def of_image(found: list[Foreign], engine: str | None, at: int) -> list[Foreign]:
    """The launches in a container whose image is made for `engine`: bare arguments are its own."""
    if engine in (None, SGLANG):
        return found
    for launch in found:
        if launch.kind == "arguments":
            launch.engine = str(engine)
    return found or [Foreign("command", "", str(engine), at)]


def relocated(tokens: Sequence[Token], text: str, raw: str, at: int) -> list[Token]:
    """The tokens of a piece of text, with offsets in the document that holds it from `at` on.

    Quoting and folding can make the piece differ from the document, so each word is sought.
    """
    found: list[Token] = []
    cursor, misses = at, 0
    before = 0
    for token in tokens:
        lexeme = _LEXEME.match(text, token.at) if isinstance(token, Word) else None
        if lexeme and misses < MAX_MISSES:
            # Folding and indentation lengthen a gap; further away it is some other word.
            reach = cursor + 2 * (token.at - before) + MAX_GAP + len(lexeme[1])
            before = token.at
            place = raw.find(lexeme[1], cursor, reach)
            misses += place < 0
            cursor = place if place >= 0 else cursor
        if isinstance(token, Word):
            found.append(Word(token.parts, cursor, token.quoted))
            cursor += len(lexeme[1]) if lexeme and misses < MAX_MISSES else 0
        else:
            found.append(Operator(token.text, cursor))
    return found


def _opens_array(word: Word) -> bool:
    assigned = split_assignment(word)
    return assigned is not None and assigned[2].text == ""


def _has_x(words: Sequence[Word]) -> bool:
    return bool(words) and words[0].text.startswith("-") and "x" in words[0].text


def _texts(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)
