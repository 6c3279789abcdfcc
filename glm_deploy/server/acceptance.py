"""Acceptance: a server is ready when our model completes a sentence, not when a port opens."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from glm_deploy.errors import LaunchError

if TYPE_CHECKING:
    from glm_deploy.server.client import Client

PROMPT = "Answer in one short English sentence: which planet do we live on?"
MAX_TOKENS = 64

# A sentence of a model that works holds several words, is mostly letters of one or two scripts,
# and repeats nothing for ever. Its thoughts may be in Chinese whatever language was asked for.
MIN_WORDS = 2
MIN_LETTER_SHARE = 0.5
MAX_SCRIPTS = 2
MIN_SCRIPT_SHARE = 0.1
MAX_RUN = 12
REPEATS = 6

# Thai to Khmer, kana, Han: scripts that put no spaces between words. A character counts as one.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(f"[{_SPACELESS}]|[^\\s{_SPACELESS}]+")
# Characters that a Markdown rule or a table repeats with good reason.
_RULES = frozenset("-=_*~#| ")
_EAST_ASIAN = frozenset(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"))


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One accepted generation: its text and how long it took in seconds."""

    text: str
    seconds: float


def accept(client: Client, served_name: str, *, timeout_s: float) -> Acceptance:
    """Ask the server for its name and one sentence, and read the sentence.

    `timeout_s` bounds the generation; a first turn after a cold start can take minutes (JIT).

    Raises:
        LaunchError: another model answers, the generation fails, or its text is garbled.
    """
    names = client.served_names()
    if served_name not in names:
        raise LaunchError(
            f"the server at {client.endpoint} serves {', '.join(names) or 'nothing'}, "
            f"not {served_name}",
            remedy="Another server may hold the port: glm-deploy status",
        )
    started = time.monotonic()
    message = client.chat(served_name, PROMPT, max_tokens=MAX_TOKENS, timeout_s=timeout_s)
    seconds = time.monotonic() - started
    text = " ".join(str(message.get(k) or "") for k in ("reasoning_content", "content")).strip()
    flaw = garbled(text)
    if flaw:
        raise LaunchError(
            f"the server generates garbled text ({flaw}): {text[:120]!r}",
            remedy="Look at `glm-deploy explain --kv-cache-dtype` and `--attention-backend`, and "
            "start with a fresh JIT cache volume.",
        )
    return Acceptance(text, seconds)


def garbled(text: str) -> str:
    """What is wrong with a generated sentence, in a few words; empty when it reads like one."""
    if not text:
        return "no text at all"
    # The token limit may cut the last character in two.
    if "\ufffd" in text.rstrip("\ufffd") or not text.strip("\ufffd"):
        return "broken characters"
    words = _WORD.findall(text.lower())
    if len(words) < MIN_WORDS:
        return "a single token"
    if _longest_run(text) > MAX_RUN:
        return "one character over and over"
    letters = [c for c in text if unicodedata.category(c)[0] in "LM"]
    telling = [c for c in text if not c.isspace() and c not in _RULES]
    if not letters or len(letters) / len(telling) < MIN_LETTER_SHARE:
        return "hardly any letters"
    if len(_scripts(letters)) > MAX_SCRIPTS:
        return "several scripts mixed"
    if len(words) >= MAX_RUN and len(set(words)) <= len(words) // REPEATS:
        return "the same words over and over"
    return ""


def _longest_run(text: str) -> int:
    longest = run = 1
    for previous, current in pairwise(text):
        run = run + 1 if current == previous and current not in _RULES else 1
        longest = max(longest, run)
    return longest


def _scripts(letters: list[str]) -> set[str]:
    """The scripts that make up a good part of the letters, by the first word of their names."""
    names = [unicodedata.name(letter, "?").replace("-", " ").split()[0] for letter in letters]
    counts = Counter("EAST ASIAN" if name in _EAST_ASIAN else name for name in names)
    return {name for name, count in counts.items() if count / len(letters) >= MIN_SCRIPT_SHARE}
