"""Writes the corrected command: what a fix says plainly is done, what needs judgement is listed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glm_deploy.lint.changes import Change, changes_of, docker_option
from glm_deploy.lint.docker_run import takes_no_value
from glm_deploy.lint.words import Variable, Word
from glm_deploy.model import Severity
from glm_deploy.rules import Case

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from glm_deploy.lint.judge import Judged
    from glm_deploy.model import Finding

# What the launcher words are where the text gave arguments alone.
LAUNCHER = ("python3", "-m", "sglang.launch_server")
# Options of `docker run` by the key of a profile that changes them.
_OPTIONS = {"ipc": "--ipc", "shm_size": "--shm-size", "restart": "--restart", "devices": "--gpus"}


@dataclass(frozen=True, slots=True)
class Corrected:
    """The corrected command as text, and the findings that are left for a person."""

    text: str
    left: tuple[Finding, ...]


def corrected(judged: Judged) -> Corrected:
    """The launch with every plain fix applied, as a command that a shell takes.

    A container comes out as `docker run`, a process with its variables in front. Values that were
    never known here stay as they are written.
    """
    changes: list[Change] = []
    left: list[Finding] = []
    for finding in judged.report.findings:
        # Several rules may want the same; the worst comes first and wins.
        wanted = _applicable(finding, judged)
        if not wanted:
            left.append(finding)
        taken = {(change.kind, change.name) for change in changes}
        changes += [change for change in wanted if (change.kind, change.name) not in taken]
    return Corrected(_command(judged, changes), tuple(left))


def _applicable(finding: Finding, judged: Judged) -> tuple[Change, ...]:
    original = next((raw.fix for raw, placed in judged.pairs if placed is finding), "")
    changes = changes_of(original)
    if changes and changes[0].kind == "rename":
        return (Change("rename", finding.subject, changes[0].value),)
    foreign = judged.reading.foreign
    if finding.severity is Severity.INFO:
        return ()
    if foreign.container is None and any(c.kind == "container" for c in changes):
        return ()
    return changes


def _command(judged: Judged, changes: Sequence[Change]) -> str:
    foreign = judged.reading.foreign
    env = dict(foreign.env)
    for change in changes:
        if change.kind == "env":
            env.pop(change.name, None)
            if change.value is not None:
                env[change.name] = Word((change.value,), 0)
    engine = [*_texts(foreign.launcher or _words(LAUNCHER)), *_arguments(judged, changes)]
    if foreign.container is None:
        return _lines([*(f"{name}={quoted(word)}" for name, word in env.items())], engine)
    return _lines(_docker(judged, changes, env), engine)


def _docker(judged: Judged, changes: Sequence[Change], env: dict[str, Word]) -> list[str]:
    """`docker run` and its options, the image last."""
    foreign, spec = judged.reading.foreign, judged.reading.spec
    container = [change for change in changes if change.kind == "container"]
    replaced = {_OPTIONS[c.name] for c in container if c.name in _OPTIONS}
    if foreign.lead:
        head = _kept(foreign.lead, replaced)
    else:
        head = ["docker run --rm", *_from_spec(judged, replaced)]
    lines = [*head]
    for change in container:
        option = docker_option(change)
        if option:
            lines.append(" ".join([option[0], *map(_home_kept, option[1:])]))
    lines += [f"-e {name}={quoted(word)}" for name, word in env.items()]
    image = foreign.container.image if foreign.container else None
    return [*lines, quoted(image) if image else spec.image]


def _kept(lead: Sequence[str], replaced: set[str]) -> list[str]:
    """The words in front of the image, an option to a line; variables are written anew."""
    start = next((i for i, word in enumerate(lead) if word in {"run", "create"}), len(lead) - 1)
    lines = [" ".join(map(shlex.quote, lead[: start + 1]))]
    index = start + 1
    while index < len(lead):
        word = lead[index]
        alone = "=" in word or takes_no_value(word) or index + 1 == len(lead)
        words = lead[index : index + (1 if alone else 2)]
        index += len(words)
        name = words[0].partition("=")[0]
        if name in replaced or name in {"--env", "--env-file"} or name.startswith("-e"):
            continue
        lines.append(
            " ".join([words[0], *map(_home_kept, words[1:])]) if not alone else _bare(word)
        )
    return lines


def _bare(word: str) -> str:
    name, equals, value = word.partition("=")
    return f"{name}={_home_kept(value)}" if equals else name


def _home_kept(text: str) -> str:
    """Quoted for a shell, but `~/` and `$NAME` in front keep their meaning."""
    if text.startswith("~/"):
        return "~/" + shlex.quote(text[2:]) if text[2:] else "~/"
    if "$" in text and not set(text) & set("`\"'\\ "):
        return f'"{text}"'
    return shlex.quote(text)


def _from_spec(judged: Judged, replaced: set[str]) -> Iterable[str]:
    """The options that say what a Compose file or a manifest says."""
    spec = judged.reading.spec
    if spec.gpus and "--gpus" not in replaced:
        ids = ",".join(spec.gpus.device_ids)
        yield f"--gpus '\"device={ids}\"'" if ids else "--gpus all"
    if spec.ipc == "host" and "--ipc" not in replaced:
        yield "--ipc host"
    if "--shm-size" not in replaced and spec.ipc != "host":
        yield f"--shm-size {spec.shm_size_bytes}"
    if spec.network != "bridge":
        yield f"--network {shlex.quote(spec.network)}"
    if spec.restart.policy != "no" and "--restart" not in replaced:
        yield f"--restart {spec.restart}"
    for limit in spec.ulimits:
        yield f"--ulimit {limit.name}={limit.soft}:{limit.hard}"
    for mount in spec.mounts:
        suffix = ":ro" if mount.read_only else ""
        yield f"-v {_home_kept(f'{mount.source}:{mount.target}{suffix}')}"
    if spec.surroundings:
        yield from (f"-p {shlex.quote(port)}" for port in spec.surroundings.ports)


def _arguments(judged: Judged, changes: Sequence[Change]) -> list[str]:
    """The engine's own arguments, a flag to a line."""
    reading = judged.reading
    case = Case(reading.spec, None, reading.own)
    renamed = {c.name: c.value or "" for c in changes if c.kind == "rename"}
    wanted = {c.name: c.value for c in changes if c.kind == "flag"}
    words = reading.foreign.argv
    lines: list[str] = []
    index = 0
    given = {g.position: g for g in case.catalogue.read([word.text for word in words]).given}
    while index < len(words):
        flag = given.get(index)
        if flag is None:
            lines.append(quoted(words[index]))
            index += 1
            continue
        joined = words[index].text != flag.written
        count = 1 if joined else 1 + len(flag.values)
        name = case.catalogue.canonical(renamed.get(flag.written, "")) or flag.flag or flag.written
        written = renamed.get(flag.written, flag.written)
        if name in wanted:
            value = wanted.pop(name)
            if value is not None:
                lines.append(f"{written} {shlex.quote(value)}".rstrip() if value else written)
        elif joined:
            lines.append(quoted(words[index]).replace(flag.written, written, 1))
        else:
            rest = [quoted(word) for word in words[index + 1 : index + count]]
            lines.append(" ".join([written, *rest]))
        index += count
    for name, value in wanted.items():
        if value is not None:
            lines.append(f"{name} {shlex.quote(value)}" if value else name)
    return lines


def quoted(word: Word) -> str:
    """A word as a shell takes it; variables that are not known here keep their meaning."""
    if not word.open:
        return shlex.quote(word.text)
    pieces = [
        f'"{part.written}"' if isinstance(part, Variable) else shlex.quote(part) if part else ""
        for part in word.parts
    ]
    return "".join(pieces)


def _words(texts: Sequence[str]) -> tuple[Word, ...]:
    return tuple(Word((text,), 0) for text in texts)


def _texts(words: Iterable[Word]) -> list[str]:
    return [" ".join(quoted(word) for word in words)]


def _lines(head: list[str], engine: list[str]) -> str:
    return " \\\n  ".join([*head, *engine]) + "\n"
