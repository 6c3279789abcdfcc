"""Programs that only start another one: `sudo`, `env`, `nohup`, `numactl` and their like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glm_deploy.lint.scope import split_assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glm_deploy.lint.words import Word


@dataclass(frozen=True, slots=True)
class Wrapper:
    """`valued` are its options that take a word, `positionals` the words of its own after them."""

    valued: frozenset[str] = frozenset()
    positionals: int = 0
    verb: str = ""


def _wrapper(valued: str = "", positionals: int = 0, verb: str = "") -> Wrapper:
    return Wrapper(frozenset(valued.split()), positionals, verb)


# Each program's own manual page (coreutils, util-linux, sudo, numactl, uv, conda, tini).
WRAPPERS = {
    "sudo": _wrapper("-u -g -h -p -C -D -r -t -U --user --group --host --prompt --chdir"),
    "doas": _wrapper("-u -C"),
    "env": _wrapper("-u -C --unset --chdir"),
    "exec": _wrapper("-a"),
    "command": _wrapper(),
    "nohup": _wrapper(),
    "setsid": _wrapper(),
    "time": _wrapper("-f -o"),
    "nice": _wrapper("-n"),
    "ionice": _wrapper("-c -n -p"),
    "chrt": _wrapper(positionals=1),
    "taskset": _wrapper(positionals=1),
    "timeout": _wrapper("-s -k --signal --kill-after", positionals=1),
    "stdbuf": _wrapper("-i -o -e"),
    "numactl": _wrapper("-N -m -C -i -p --cpunodebind --membind --physcpubind --interleave"),
    "tini": _wrapper("-p -e"),
    "dumb-init": _wrapper(),
    "gosu": _wrapper(positionals=1),
    "uv": _wrapper("--with --python -p --project --directory", verb="run"),
    "poetry": _wrapper(verb="run"),
    "conda": _wrapper("-n -p --name --prefix", verb="run"),
    "micromamba": _wrapper("-n -p --name --prefix", verb="run"),
}

# Words of the shell's grammar that may stand in front of a command.
KEYWORDS = {"if", "then", "else", "elif", "while", "until", "do", "{", "!", "}", "fi", "done"}
# What Windows and reading habits put in front of a pasted command.
PROMPTS = {"$", "#", ">", "%"}


def unwrap(words: Sequence[Word]) -> tuple[list[Word], list[Word], list[str]]:
    """The command that is started in the end, the assignments made for it, and the wrappers."""
    assignments: list[Word] = []
    wrappers: list[str] = []
    rest = list(words)
    while rest:
        text = rest[0].text
        name = text.rpartition("/")[2]
        if not rest[0].quoted and (text in KEYWORDS or text in PROMPTS):
            rest = rest[1:]
        elif split_assignment(rest[0]):
            assignments.append(rest[0])
            rest = rest[1:]
        elif name in WRAPPERS:
            after = _behind(WRAPPERS[name], rest)
            if after is None:
                break
            wrappers += [word.text for word in rest[: len(rest) - len(after)]]
            rest = after
        else:
            break
    return rest, assignments, wrappers


def _behind(wrapper: Wrapper, words: list[Word]) -> list[Word] | None:
    index = 1
    if wrapper.verb:
        if len(words) < 2 or words[1].text != wrapper.verb:
            return None
        index = 2
    while index < len(words) and words[index].text.startswith("-"):
        if words[index].text == "--":
            index += 1
            break
        index += 2 if words[index].text in wrapper.valued else 1
    return words[index + wrapper.positionals :]
