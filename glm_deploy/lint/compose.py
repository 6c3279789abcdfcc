"""Reads a Compose file: every service that starts an engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glm_deploy.lint.docker_run import Beside, env_file_lines
from glm_deploy.lint.engines import SGLANG, engine_of_image
from glm_deploy.lint.foreign import Container, Document, Note
from glm_deploy.lint.scope import Scope, split_assignment
from glm_deploy.lint.script import Walk, of_image
from glm_deploy.lint.values import bytes_of, mount_of, restart_of
from glm_deploy.lint.words import Lines, Variable, Word, plain
from glm_deploy.lint.yaml_items import Item, read_items
from glm_deploy.lint.yaml_words import compose_word, compose_words
from glm_deploy.model import GpuRequest, Mount, Restart, Ulimit

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EXTENDS = 8


def read_compose(root: Item, raw: str, beside: Beside) -> Document:
    """The launches of a Compose file whose YAML is `root`."""
    document = Document("Compose file")
    scope = Scope()
    for name, value in env_file_lines(beside(".env") or ""):
        scope.values[name] = plain(value)
    for name, service in root.pairs("services"):
        if service.entries is None:
            document.notes.append(Note(f"service {name} is no map", service.at))
            continue
        service = _extended(root, service, beside, document.notes, raw)
        _Service(name, service, raw, beside, scope, document).read()
    return document


def _extended(root: Item, service: Item, beside: Beside, notes: list[Note], raw: str) -> Item:
    """The service with what it `extends` laid under it."""
    for _ in range(MAX_EXTENDS):
        extends = service.get("extends")
        if extends is None or service.entries is None:
            break
        name = extends.text or extends.scalar("service") or ""
        file = extends.scalar("file")
        source: Item | None = root
        if file:
            text = beside(file)
            source = None
            if text is not None:
                # Offsets of another file would point into the wrong one.
                items = read_items(text, Lines(text), file)
                source = items[0] if items else None
        base = source.get("services", name) if source else None
        if base is None or base.entries is None:
            where = f" of {file}" if file else ""
            notes.append(Note(f"extends service {name}{where}, which was not read", extends.at))
            break
        own = {key: item for key, item in service.entries.items() if key != "extends"}
        if file:
            _pin(base, extends.at)
        service = Item(service.at, service.key_at, entries=_over(base.entries, own))
    return service


def _pin(item: Item, at: int) -> None:
    """Give everything of another file the place where that file is named."""
    item.at = item.key_at = at
    for child in [*(item.entries or {}).values(), *(item.items or [])]:
        _pin(child, at)


def _over(base: dict[str, Item], own: dict[str, Item]) -> dict[str, Item]:
    """Compose merges maps and appends lists of mounts and ports; anything else is replaced."""
    merged = dict(base)
    for key, item in own.items():
        below = merged.get(key)
        if below and below.entries is not None and item.entries is not None:
            entries = _over(below.entries, item.entries)
            merged[key] = Item(item.at, item.key_at, entries=entries)
        elif below and item.items is not None and below.items is not None and key in _APPENDED:
            merged[key] = Item(item.at, item.key_at, items=[*below.items, *item.items])
        else:
            merged[key] = item
    return merged


_APPENDED = {"volumes", "ports", "environment", "env_file", "tmpfs"}


@dataclass(slots=True)
class _Service:
    name: str
    item: Item
    raw: str
    beside: Beside
    scope: Scope
    document: Document

    def read(self) -> None:
        image = self.item.get("image")
        container = self.container()
        env, env_at = self.environment()
        entrypoint = self.item.get("entrypoint")
        command = self.item.get("command")
        words: list[Word] = []
        if entrypoint is not None:
            words = compose_words(entrypoint, self.raw, self.scope)
            container.entrypoint = tuple(word.text for word in words)
        if command is not None:
            words += compose_words(command, self.raw, self.scope)
        walk = Walk(self.raw, self.beside)
        engine = engine_of_image(image.text) if image and image.text else None
        found = of_image(walk.inside(words, env, env_at), engine, self.item.key_at)
        if not found and engine == SGLANG:
            self.note(f"service {self.name}: its command starts no engine that is known")
        for launch in found:
            launch.kind, launch.name = "service", self.name
            launch.at = self.item.key_at
            launch.container = container
            launch.places |= self.places()
            launch.notes += walk.notes
            self.document.launches.append(launch)

    def note(self, text: str, at: int | None = None) -> None:
        self.document.notes.append(Note(text, self.item.key_at if at is None else at))

    def environment(self) -> tuple[dict[str, Word], dict[str, int]]:
        env: dict[str, Word] = {}
        env_at: dict[str, int] = {}
        for name, value, at in [*self._from_files(), *self._own_environment()]:
            env[name], env_at[name] = value, at
        return env, env_at

    def _own_environment(self) -> Iterator[tuple[str, Word, int]]:
        environment = self.item.get("environment")
        if environment is None:
            return
        for name, value in environment.pairs():
            outside = value.text is None
            word = _outside(name, value.key_at) if outside else compose_word(value, self.scope)
            yield name, word, value.key_at
        for item in environment.items or []:
            word = compose_word(item, self.scope)
            assigned = split_assignment(word)
            if assigned:
                yield assigned[0], assigned[2], item.at
            elif re.fullmatch(r"[A-Za-z_]\w*", word.text):
                yield word.text, _outside(word.text, item.at), item.at

    def _from_files(self) -> Iterator[tuple[str, Word, int]]:
        files = self.item.get("env_file")
        for item in [files] if files and files.items is None else self.item.each("env_file"):
            path = item.text or item.scalar("path") or ""
            text = self.beside(path)
            if text is None:
                self.note(f"env_file {path} was not read", item.at)
            for name, value in env_file_lines(text or ""):
                yield name, plain(value, item.at), item.at

    def container(self) -> Container:
        item = self.item
        image = item.get("image")
        shm_size = item.scalar("shm_size")
        container = Container(
            image=compose_word(image, self.scope) if image else None,
            ipc=item.scalar("ipc"),
            shm_size_bytes=bytes_of(shm_size) if shm_size else None,
            network=item.scalar("network_mode"),
            ulimits=tuple(self._ulimits()),
            restart=self._restart(),
            mounts=tuple(self._mounts()),
            privileged=item.scalar("privileged") in {"true", "True", "yes", "on"},
            ports=tuple(p.text or p.scalar("published") or "" for p in item.each("ports")),
            name=item.scalar("container_name"),
        )
        tmpfs = item.get("tmpfs")
        paths = [tmpfs] if tmpfs and tmpfs.text else item.each("tmpfs")
        container.tmpfs = tuple((path.text or "").partition(":")[0] for path in paths)
        self._gpus(container)
        return container

    def _gpus(self, container: Container) -> None:
        reserved = self.item.each("deploy", "resources", "reservations", "devices")
        gpus = self.item.get("gpus")
        if (gpus and gpus.text) or self.item.scalar("runtime") == "nvidia":
            container.gpus = GpuRequest()
        for device in [*(gpus.items or [] if gpus else []), *reserved]:
            ids = tuple(child.text or "" for child in device.each("device_ids"))
            count = device.scalar("count")
            if not ids and count and count.isdigit():
                ids = tuple(str(index) for index in range(min(int(count), 64)))
            container.gpus = GpuRequest(ids)

    def _restart(self) -> Restart | None:
        policy = self.item.scalar("restart")
        if policy:
            return restart_of(policy)
        condition = self.item.scalar("deploy", "restart_policy", "condition")
        attempts = self.item.scalar("deploy", "restart_policy", "max_attempts") or "0"
        named = {"any": "always", "none": "no", "on-failure": "on-failure"}.get(condition or "")
        suffix = f":{attempts}" if named == "on-failure" else ""
        return restart_of(f"{named}{suffix}") if named else None

    def _mounts(self) -> Iterator[Mount]:
        for item in self.item.each("volumes"):
            if item.text:
                mount = mount_of(compose_word(item, self.scope).text)
                if mount:
                    yield mount
            elif item.entries is not None and item.scalar("target"):
                kind = "bind" if item.scalar("type") == "bind" else "volume"
                yield Mount(kind, item.scalar("source") or "", item.scalar("target") or "")  # type: ignore[arg-type]

    def _ulimits(self) -> Iterator[Ulimit]:
        for name, item in self.item.pairs("ulimits"):
            soft = item.text or item.scalar("soft") or ""
            hard = item.text or item.scalar("hard") or soft
            if re.fullmatch(r"-?\d{1,18}", soft) and re.fullmatch(r"-?\d{1,18}", hard):
                yield Ulimit(name, int(soft), int(hard))

    def places(self) -> dict[str, Word]:
        """Where the file says what rules are about."""
        keys = {
            "image.digest": ("image",),
            "image.ref": ("image",),
            "container.ipc": ("ipc",),
            "container.shm_size": ("shm_size",),
            "container.network": ("network_mode",),
            "container.restart": ("restart",),
            "container.privileged": ("privileged",),
            "container.entrypoint": ("entrypoint",),
            "container.ports": ("ports",),
            "container.ulimits.memlock": ("ulimits", "memlock"),
            "container.devices": ("deploy", "resources", "reservations", "devices"),
        }
        found = {subject: (path, self.item.get(*path)) for subject, path in keys.items()}
        return {
            subject: (
                plain(item.text or "", item.at)
                if path == ("image",)
                else plain(path[-1], item.key_at)
            )
            for subject, (path, item) in found.items()
            if item is not None
        }


def _outside(name: str, at: int) -> Word:
    """A variable that is handed on from whoever starts the container."""
    return Word((Variable(f"${name}", name),), at)
