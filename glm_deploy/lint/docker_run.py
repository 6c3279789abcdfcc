"""Reads `docker run …` (podman and nerdctl too) into a container, its variables and its command."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glm_deploy.lint.foreign import Container, Note
from glm_deploy.lint.scope import split_assignment
from glm_deploy.lint.values import bytes_of, gpu_request, mount_of, restart_of, ulimit_of
from glm_deploy.lint.words import Variable, Word, plain
from glm_deploy.model import GpuRequest, Mount

if TYPE_CHECKING:
    from collections.abc import Sequence

# Gives the text of a file that lies beside the document, or `None`.
Beside = Callable[[str], str | None]

PROGRAMS = {"docker", "podman", "nerdctl"}

# Options without a value, https://docs.docker.com/reference/cli/docker/container/run/
_BARE = {
    "--detach", "--init", "--interactive", "--no-healthcheck", "--oom-kill-disable",
    "--privileged", "--publish-all", "--quiet", "--read-only", "--replace", "--rm",
    "--rmi", "--sig-proxy", "--tty", "--use-api-socket", "--disable-content-trust",
}  # fmt: skip
_BARE_LETTERS = set("ditPq")
_LONG = {
    "-e": "--env", "-v": "--volume", "-p": "--publish", "-u": "--user", "-w": "--workdir",
    "-h": "--hostname", "-l": "--label", "-m": "--memory", "-c": "--cpu-shares",
    "-a": "--attach", "--net": "--network",
}  # fmt: skip
# Options of the program itself, in front of `run`, that take a word.
_GLOBAL_VALUED = {"-H", "--host", "-c", "--context", "--config", "-l", "--log-level", "-n"}


@dataclass(slots=True)
class Run:
    """What `docker run` was told. `words` is the command in the container."""

    container: Container
    env: dict[str, Word] = field(default_factory=dict)
    env_at: dict[str, int] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    places: dict[str, Word] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    lead: list[str] = field(default_factory=list)


def run_arguments(words: Sequence[Word]) -> int | None:
    """The index behind `docker … run`, or `None` when the words are something else."""
    if not words or words[0].text.rpartition("/")[2] not in PROGRAMS:
        return None
    index = 1
    while index < len(words) and words[index].text.startswith("-"):
        index += 2 if words[index].text in _GLOBAL_VALUED else 1
    if index < len(words) and words[index].text == "container":
        index += 1
    if index < len(words) and words[index].text in {"run", "create"}:
        return index + 1
    return None


def takes_no_value(option: str) -> bool:
    """Whether an option of `docker run` stands alone (`--rm`) or holds its value (`-p80:80`)."""
    if option.startswith("--"):
        return option in _BARE
    letters = option[1:].lstrip("".join(_BARE_LETTERS))
    return len(letters) != 1


def read_docker_run(words: Sequence[Word], beside: Beside) -> Run | None:
    """Read the words of one command; `None` when it is not `docker run`."""
    index = run_arguments(words)
    if index is None:
        return None
    run = Run(Container())
    while index < len(words):
        word = words[index]
        if _further_options(words, index):
            run.container.open = word.text
            index += 1
            continue
        if not word.text.startswith("-") or word.text == "-":
            break
        if word.text == "--":
            index += 1
            break
        index += _option(run, word, words[index + 1] if index + 1 < len(words) else None, beside)
    run.lead = [word.text for word in words[:index]]
    if index >= len(words):
        run.notes.append(Note("docker run names no image", words[0].at))
        return run
    run.container.image = words[index]
    run.places["image.digest"] = run.places["image.ref"] = words[index]
    run.words = [*map(plain, run.container.entrypoint or ()), *words[index + 1 :]]
    _visible_devices(run)
    return run


def _further_options(words: Sequence[Word], index: int) -> bool:
    """Whether the word is a variable that nobody assigns, with more options behind it."""
    word = words[index]
    if word.quoted or not word.parts or not isinstance(word.parts[0], Variable):
        return False
    return index + 1 < len(words) and words[index + 1].text.startswith("-")


def _option(run: Run, word: Word, following: Word | None, beside: Beside) -> int:
    """Take one option; how many words it took up."""
    name, equals, attached = word.text.partition("=")
    if not name.startswith("--"):
        letters = name[1:]
        bare = len(letters) - len(letters.lstrip("".join(_BARE_LETTERS)))
        if bare == len(letters):
            return 1
        name, attached = f"-{letters[bare]}", word.text[2 + bare :]
        equals = attached
        attached = attached.removeprefix("=")
    name = _LONG.get(name, name)
    if name in _BARE:
        if name == "--privileged" and attached.lower() != "false":
            run.container.privileged = True
            run.places["container.privileged"] = word
        return 1
    if equals:
        start = word.text.index(attached) if attached else len(word.text)
        value = _behind(word, start)
        _take(run, name, value, word, beside)
        return 1
    if following is not None:
        _take(run, name, following, word, beside)
    return 2


def _behind(word: Word, length: int) -> Word:
    """The rest of a word from its `length`-th character on, its variables kept."""
    parts = []
    for part in word.parts:
        if length and isinstance(part, str):
            taken = min(length, len(part))
            length -= taken
            part = part[taken:]
        if part != "":
            parts.append(part)
    return Word(tuple(parts) or ("",), word.at, word.quoted)


def _take(run: Run, name: str, value: Word, word: Word, beside: Beside) -> None:
    container, text = run.container, value.text
    if name == "--env":
        _env(run, value)
    elif name == "--env-file":
        _env_file(run, value, beside)
    elif name == "--gpus":
        container.gpus, container.gpus_unknown = gpu_request(value), value.open
        run.places["container.devices"] = run.places["hardware.gpus"] = word
    elif name == "--device" and "nvidia.com/gpu=" in text:
        device = text.partition("nvidia.com/gpu=")[2]
        before = container.gpus.device_ids if container.gpus else ()
        container.gpus = GpuRequest(() if device == "all" else (*before, device))
        run.places["container.devices"] = word
    elif name == "--runtime" and text == "nvidia" and container.gpus is None:
        container.gpus = GpuRequest()
    elif name == "--ipc":
        container.ipc = text
        run.places["container.ipc"] = word
    elif name == "--shm-size":
        container.shm_size_bytes = bytes_of(text)
        run.places["container.shm_size"] = word
    elif name == "--network":
        container.network = text
        run.places["container.network"] = word
    elif name == "--ulimit":
        if limit := ulimit_of(text):
            container.ulimits = (*container.ulimits, limit)
            run.places[f"container.ulimits.{limit.name}"] = value
    elif name == "--restart":
        container.restart = restart_of(text)
        run.places["container.restart"] = word
    elif name in {"--volume", "--mount"}:
        mount = mount_of(text) if name == "--volume" else _long_mount(text)
        if mount:
            container.mounts = (*container.mounts, mount)
            run.places[f"container.volumes.{mount.target}"] = value
    elif name == "--tmpfs":
        container.tmpfs = (*container.tmpfs, text.partition(":")[0])
    elif name == "--entrypoint":
        container.entrypoint = (text,) if text else ()
        run.places["container.entrypoint"] = word
    elif name == "--publish":
        container.ports = (*container.ports, text)
        run.places.setdefault("container.ports", word)
    elif name == "--name":
        container.name = text


def _env(run: Run, value: Word) -> None:
    assigned = split_assignment(value)
    if assigned:
        run.env[assigned[0]] = assigned[2]
        run.env_at[assigned[0]] = value.at
    elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value.text):
        # `-e NAME` hands on what the shell of the person who runs it holds.
        run.env[value.text] = _from_outside(value.text, value.at)
        run.env_at[value.text] = value.at
    else:
        run.notes.append(Note(f"--env {value.text}: not of the form NAME=value", value.at))


def _from_outside(name: str, at: int) -> Word:
    return Word((Variable(f"${name}", name),), at)


def _env_file(run: Run, value: Word, beside: Beside) -> None:
    text = beside(value.text)
    if text is None:
        run.notes.append(Note(f"--env-file {value.text} was not read", value.at))
        return
    for name, content in env_file_lines(text):
        run.env.setdefault(name, plain(content, value.at))
        run.env_at.setdefault(name, value.at)


def env_file_lines(text: str) -> list[tuple[str, str]]:
    """NAME and value of each line; Docker takes what follows `=` as it stands."""
    found = []
    for line in text.splitlines():
        stripped = line.strip()
        name, equals, value = stripped.partition("=")
        if equals and not stripped.startswith("#") and re.fullmatch(r"[A-Za-z_]\w*", name):
            found.append((name, value))
    return found


def _long_mount(text: str) -> Mount | None:
    fields = {}
    for item in next(csv.reader([text]), []):
        key, _, value = item.partition("=")
        fields[key.strip().lower()] = value
    target = fields.get("target") or fields.get("dst") or fields.get("destination")
    source = fields.get("source") or fields.get("src") or ""
    if not target or fields.get("type") == "tmpfs":
        return None
    read_only = fields.get("readonly", "false") in {"", "true", "1"} or "ro" in fields
    return Mount("volume" if fields.get("type") == "volume" else "bind", source, target, read_only)


def _visible_devices(run: Run) -> None:
    """The NVIDIA runtime takes its devices from a variable when Docker was given none."""
    visible = run.env.get("NVIDIA_VISIBLE_DEVICES")
    asked = run.container.gpus
    if (asked is None or asked.all) and visible is not None and not visible.open:
        ids = () if visible.text in {"all", ""} else tuple(visible.text.split(","))
        run.container.gpus = GpuRequest(ids)
