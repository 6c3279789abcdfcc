"""Reads POSIX shell text into words with their places. Nothing is run and no variable looked up."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Variable:
    """A `$…` as it stands in the text.

    `name` is empty for what can never be known here: `$(…)`, `$1`, `${x%y}`. `default` is the text
    of `${name:-default}`. `array` marks `${name[@]}`; `quoted` one that is not split into fields.
    """

    written: str
    name: str = ""
    default: str | None = None
    array: bool = False
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word; `at` is its offset in the document. `parts` are literal texts and variables."""

    parts: tuple[str | Variable, ...]
    at: int
    quoted: bool = False

    @property
    def text(self) -> str:
        """The word after quote removal, its variables as they are written."""
        return "".join(p if isinstance(p, str) else p.written for p in self.parts)

    @property
    def open(self) -> bool:
        """Whether part of it is known only where the command runs."""
        return any(isinstance(part, Variable) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Operator:
    """What ends a simple command or redirects it: `;`, `&&`, a newline, `>` …"""

    text: str
    at: int


Token = Word | Operator


def plain(text: str, at: int = 0) -> Word:
    """A word without variables."""
    return Word((text,), at)


@dataclass(frozen=True)
class Lines:
    """Turns offsets of a document into lines and columns, both from 1."""

    text: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of an offset."""
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column, both from 0, as YAML marks count."""
        return self._starts[min(line, len(self._starts) - 1)] + column


_BLANK = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_OPERATOR = re.compile(
    r"\n|;;|;|&&|&>>?|&|\|\||\|&?|\d*<<<|\d*<<-?|\d*[<>]&-?|\d*>>|\d*[<>]\|?|[()]"
)
_UNQUOTED = re.compile(r"[^\s\\'\"$`;&|<>()]+")
_IN_DOUBLE = re.compile(r"[^\\\"$`]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = re.compile(r"[0-9@*#?$!-]")
_BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(\[[@*]\])|:?[-=](.*))?", re.DOTALL)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.tokens: list[Token] = []
        self.heredocs: list[tuple[str, bool]] = []
        self.unclosed: int | None = None

    def run(self) -> None:
        text, end = self.text, len(self.text)
        while self.at < end:
            if match := _BLANK.match(text, self.at):
                self.at = match.end()
            elif text[self.at] == "#":
                newline = text.find("\n", self.at)
                self.at = end if newline < 0 else newline
            elif match := _OPERATOR.match(text, self.at):
                self._operator(match[0])
            else:
                self._word()

    def _operator(self, operator: str) -> None:
        self.tokens.append(Operator(operator, self.at))
        self.at += len(operator)
        if operator == "\n":
            self._skip_heredocs()
        elif re.fullmatch(r"\d*<<-?", operator):
            if blank := _BLANK.match(self.text, self.at):
                self.at = blank.end()
            if self.at < len(self.text) and not _OPERATOR.match(self.text, self.at):
                self._word()
                word = self.tokens.pop()
                self.heredocs.append((getattr(word, "text", ""), operator.endswith("-")))

    def _skip_heredocs(self) -> None:
        """The lines of a here-document are data for some other program."""
        for delimiter, tabs in self.heredocs:
            while self.at < len(self.text):
                newline = self.text.find("\n", self.at)
                stop = len(self.text) if newline < 0 else newline
                line = self.text[self.at : stop]
                self.at = min(stop + 1, len(self.text))
                if (line.lstrip("\t") if tabs else line) == delimiter:
                    break
        self.heredocs = []

    def _word(self) -> None:
        start = self.at
        parts: list[str | Variable] = []
        quoted = False
        while self.at < len(self.text):
            character = self.text[self.at]
            if match := _UNQUOTED.match(self.text, self.at):
                parts.append(match[0])
                self.at = match.end()
            elif character == "\\":
                escaped = self.text[self.at + 1 : self.at + 2]
                if escaped == "\n":
                    if not parts and not quoted:
                        break
                    self.at += 2
                    continue
                parts.append(escaped or "\\")
                self.at += 2
            elif character == "'":
                quoted = True
                parts.append(self._single())
            elif character == '"':
                quoted = True
                self._double(parts)
            elif character in "$`":
                parts.append(self._dollar(quoted=False))
            else:
                break
        self.at = max(self.at, start + 1)
        self.tokens.append(Word(joined(parts), start, quoted))

    def _single(self) -> str:
        close = self.text.find("'", self.at + 1)
        if close < 0:
            self.unclosed = self.at if self.unclosed is None else self.unclosed
            close = len(self.text)
        inner = self.text[self.at + 1 : close]
        self.at = close + 1
        return inner

    def _double(self, parts: list[str | Variable]) -> None:
        opened = self.at
        self.at += 1
        parts.append("")
        while self.at < len(self.text):
            character = self.text[self.at]
            if match := _IN_DOUBLE.match(self.text, self.at):
                parts.append(match[0])
                self.at = match.end()
            elif character == '"':
                self.at += 1
                return
            elif character == "\\":
                escaped = self.text[self.at + 1 : self.at + 2]
                if escaped != "\n":
                    parts.append(escaped if escaped and escaped in '$`"\\' else "\\" + escaped)
                self.at += 2
            else:
                parts.append(self._dollar(quoted=True))
        self.unclosed = opened if self.unclosed is None else self.unclosed

    def _dollar(self, *, quoted: bool) -> str | Variable:
        text, start = self.text, self.at
        following = text[start + 1 : start + 2]
        if text[start] == "`":
            close = text.find("`", start + 1)
            return self._opaque(start, len(text) if close < 0 else close + 1, quoted)
        if following == "(":
            return self._opaque(start, _closing(text, start + 1, "(", ")"), quoted)
        if following == "{":
            end = _closing(text, start + 1, "{", "}")
            self.at = end
            match = _BRACED.fullmatch(text, start + 2, max(end - 1, start + 2))
            written = text[start:end]
            if match is None or not written.endswith("}"):
                return Variable(written, quoted=quoted)
            default = match[3]
            if default is not None and "$" in default:
                default = None
            return Variable(
                written, match[1], default and default.strip("'\""), bool(match[2]), quoted
            )
        if following == "'" and not quoted:
            self.at += 1
            return self._ansi_c()
        if match := _NAME.match(text, start + 1):
            self.at = match.end()
            return Variable(text[start : self.at], match[0], quoted=quoted)
        if _SPECIAL.match(text, start + 1):
            return self._opaque(start, start + 2, quoted)
        self.at += 1
        return "$"

    def _ansi_c(self) -> str:
        close = re.compile(r"(?:[^\\']|\\.)*'", re.DOTALL).match(self.text, self.at + 1)
        end = close.end() if close else len(self.text)
        inner = self.text[self.at + 1 : end - 1 if close else end]
        self.at = end
        return inner.replace("\\n", "\n").replace("\\t", "\t").replace("\\'", "'")

    def _opaque(self, start: int, end: int, quoted: bool) -> Variable:
        self.at = end
        return Variable(self.text[start:end], quoted=quoted)


def _closing(text: str, start: int, left: str, right: str) -> int:
    """The offset behind the bracket that closes the one at `start`; the end when none does."""
    depth = 0
    for match in re.compile(f"[{re.escape(left + right)}]").finditer(text, start):
        depth += 1 if match[0] == left else -1
        if depth == 0:
            return match.end()
    return len(text)


def joined(parts: Iterable[str | Variable]) -> tuple[str | Variable, ...]:
    """The parts with literal texts that stand side by side made one."""
    merged: list[str | Variable] = []
    literal: list[str] = []
    for part in parts:
        if isinstance(part, str):
            literal.append(part)
            continue
        if any(literal):
            merged.append("".join(literal))
        literal = []
        merged.append(part)
    if any(literal) or not merged:
        merged.append("".join(literal))
    return tuple(merged)


def read_words(text: str) -> tuple[list[Token], int | None]:
    """The words and operators of shell text, and where a quote opens that is never closed."""
    reader = _Reader(text)
    reader.run()
    return reader.tokens, reader.unclosed
