"""Finds out what a document is (script, Compose file, manifest, unit) and reads it as that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glm_deploy.errors import UsageError
from glm_deploy.lint.compose import read_compose
from glm_deploy.lint.foreign import Document
from glm_deploy.lint.kubernetes import is_manifest, read_kubernetes
from glm_deploy.lint.script import Walk
from glm_deploy.lint.systemd import read_systemd
from glm_deploy.lint.words import Lines
from glm_deploy.lint.yaml_items import read_items

if TYPE_CHECKING:
    from glm_deploy.lint.docker_run import Beside

# A launch is a page of text. What is longer than this holds something else.
MAX_CHARACTERS = 65_536

_SYSTEMD = re.compile(r"^\s*\[(?:Unit|Service|Container)\]\s*$", re.MULTILINE)
_COMPOSE = re.compile(r"^(?:services|x-[\w-]+|version|name)\s*:", re.MULTILINE)
_MANIFEST = re.compile(r"^(?:apiVersion|kind)\s*:", re.MULTILINE)
_FENCE = re.compile(r"^\s*(?:```|~~~)\w*\s*$", re.MULTILINE)


def read_document(text: str, where: str, beside: Beside) -> Document:
    """Every launch in the text. `beside` gives the text of files that lie beside it.

    Raises:
        UsageError: the text is too long, or YAML that cannot be read.
    """
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"{where} is {len(text):,} characters long; at most {MAX_CHARACTERS:,} are read",
            remedy="Give the part with the launch alone.",
        )
    text = prepared(text)
    if _SYSTEMD.search(text):
        return read_systemd(text, beside)
    if _MANIFEST.search(text) or _COMPOSE.search(text):
        items = read_items(text, Lines(text), where)
        if items and (is_manifest(items[0]) or items[0].scalar("kind") == "List"):
            return read_kubernetes(items, text, beside)
        if items and items[0].get("services"):
            return read_compose(items[0], text, beside)
        return Document("YAML document")
    walk = Walk(text, beside)
    walk.text(text)
    kind = "docker run command" if any(f.container for f in walk.launches) else "shell text"
    return Document(kind, walk.launches, walk.notes)


def prepared(text: str) -> str:
    """The text with what pasting brings along made blank, every offset kept.

    That is a byte order mark, non-breaking spaces, carriage returns and the fences of Markdown.
    """
    text = text.replace("\ufeff", " ").replace("\u00a0", " ").replace("\r\n", " \n")
    # A backslash that only blanks follow was meant to continue the line.
    text = re.sub(r"\\([ \t]+)\n", lambda match: f"{match[1]}\\\n", text)
    return _FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
