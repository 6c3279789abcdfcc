"""Acceptance: a server is ready when our model completes a sentence, not when a port opens."""

from __future__ import annotations

import time
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from glm_deploy.errors import LaunchError

if TYPE_CHECKING:
    from glm_deploy.server.client import Client

PROMPT = "Answer in one short English sentence: which planet do we live on?"
MAX_TOKENS = 64

# A sentence of a model that works holds words, repeats no character for ever and is mostly letters.
MIN_LETTER_SHARE = 0.5
MAX_RUN = 12
MIN_WORDS = 2


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
    if "\ufffd" in text:
        return "broken characters"
    if len(text.split()) < MIN_WORDS:
        return "a single token"
    if _longest_run(text) > MAX_RUN:
        return "one character over and over"
    letters = sum(unicodedata.category(c)[0] in "LZ" for c in text)
    if letters / len(text) < MIN_LETTER_SHARE:
        return "hardly any letters"
    words = text.lower().split()
    if len(words) >= MAX_RUN and len(set(words)) <= len(words) // 6:
        return "the same words over and over"
    return ""


def _longest_run(text: str) -> int:
    longest = run = 1
    for previous, current in pairwise(text):
        run = run + 1 if current == previous else 1
        longest = max(longest, run)
    return longest
