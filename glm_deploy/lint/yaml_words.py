"""Words out of YAML scalars: Compose's and Kubernetes' variables, command strings, file offsets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glm_deploy.lint.script import relocated
from glm_deploy.lint.words import Operator, Variable, Word, joined, read_words

if TYPE_CHECKING:
    from glm_deploy.lint.scope import Scope
    from glm_deploy.lint.yaml_items import Item

# https://docs.docker.com/reference/compose-file/interpolation/
_COMPOSE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)"
    r"(?::?[-](?P<default>[^}]*)|[^}]*)?\})"
)
# https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
_KUBERNETES = re.compile(r"\$(?:(?P<escaped>\$)|\((?P<name>[A-Za-z_]\w*)\))")

# Stands for a dollar that Compose hands on to the container, while the string is split.
_DOLLAR = "\ue000"


def compose_word(item: Item, scope: Scope) -> Word:
    """A scalar of a Compose file as one word, what `.env` sets filled in."""
    return scope.resolve(_interpolated(item, _COMPOSE))


def kubernetes_word(item: Item, scope: Scope) -> Word:
    """A scalar of a manifest as one word, `$(NAME)` of the container's variables filled in."""
    return scope.resolve(_interpolated(item, _KUBERNETES))


def _interpolated(item: Item, pattern: re.Pattern[str]) -> Word:
    text = item.text or ""
    parts: list[str | Variable] = []
    end = 0
    for match in pattern.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        groups = match.groupdict()
        name = groups["name"] or groups.get("braced") or ""
        escaped = groups["escaped"]
        parts.append("$" if escaped else Variable(match[0], name, groups.get("default")))
    return Word(joined([*parts, text[end:]]), item.at, quoted=True)


def compose_words(item: Item, raw: str, scope: Scope) -> list[Word]:
    """A command: each scalar of a list is a word, a string is split as a shell would."""
    if item.items is not None:
        return [compose_word(child, scope) for child in item.items if child.text is not None]
    text = (item.text or "").replace("$$", _DOLLAR)
    tokens = relocated(read_words(text)[0], text, raw, item.at)
    words = []
    for token in tokens:
        if isinstance(token, Operator):
            if token.text != "\n":
                words.append(Word((token.text,), token.at))
            continue
        parts = [p.replace(_DOLLAR, "$") if isinstance(p, str) else p for p in token.parts]
        words += scope.fields(Word(joined(parts), token.at, token.quoted))
    return words
