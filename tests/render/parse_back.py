"""Reads rendered files back into what Docker would be asked for, by the rules of each target."""

from __future__ import annotations

import csv
import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from glm_deploy.model import LaunchSpec

ALL_GPUS = ("all",)


@dataclass(frozen=True)
class Launch:
    """One container as asked for; what has no order is a map or a set."""

    name: str
    image: str
    argv: list[str]
    env: dict[str, str]
    mounts: set[tuple[str, str, bool]]
    tmpfs: set[str]
    gpus: tuple[str, ...] | None
    ipc: str
    shm_size_bytes: int
    network: str
    ulimits: dict[str, tuple[int, int]]
    restart: str
    stop_timeout_s: int
    log: dict[str, str]
    health: dict[str, Any]
    labels: dict[str, str]


def from_spec(spec: LaunchSpec) -> Launch:
    """What every target has to say."""
    return from_json(json.dumps({"spec": spec.to_json()}), name=spec.container_name)


def from_json(text: str, name: str) -> Launch:
    """The JSON target; it holds the deployment's name and not the container's."""
    spec = json.loads(text)["spec"]
    health, restart = spec["health"], spec["restart"]
    retries = f":{restart['max_retries']}" if restart["max_retries"] else ""
    return Launch(
        name=name,
        image=spec["image"],
        argv=spec["argv"],
        env=spec["env"],
        mounts={(m["source"], clean(m["target"]), m["read_only"]) for m in spec["mounts"]},
        tmpfs=set(spec["tmpfs"]),
        gpus=tuple(spec["gpus"]["device_ids"]) or ALL_GPUS,
        ipc=spec["ipc"],
        shm_size_bytes=spec["shm_size_bytes"],
        network=spec["network"],
        ulimits={u["name"]: (u["soft"], u["hard"]) for u in spec["ulimits"]},
        restart=restart["policy"] + retries,
        stop_timeout_s=spec["stop_timeout_s"],
        log={"driver": spec["log_driver"], **spec["log_options"]},
        health=health,
        labels=spec["labels"],
    )


def from_compose(text: str) -> Launch:
    """A Compose file as plain YAML 1.1 reads it; `$$` is a dollar sign to Compose."""
    [service] = yaml.safe_load(text)["services"].values()
    return from_service(service)


def from_service(service: dict[str, Any]) -> Launch:
    """One service of a Compose file, or of what `docker compose config` makes of it."""
    service = _undoubled(service)
    [device] = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert device.get("count") in (None, "all", -1)
    health = service["healthcheck"]
    [shell, command] = health["test"]
    assert shell == "CMD-SHELL"
    return Launch(
        name=service["container_name"],
        image=service["image"],
        argv=service["command"],
        env=service["environment"],
        mounts={
            (v["source"], clean(v["target"]), v.get("read_only", False)) for v in service["volumes"]
        },
        tmpfs=set(service.get("tmpfs", ())),
        gpus=tuple(device.get("device_ids", ALL_GPUS)),
        ipc=service["ipc"],
        shm_size_bytes=int(service["shm_size"]),
        network=service["network_mode"],
        ulimits={n: (u["soft"], u["hard"]) for n, u in service["ulimits"].items()},
        restart=service["restart"],
        stop_timeout_s=seconds(service["stop_grace_period"]),
        log={"driver": service["logging"]["driver"], **service["logging"]["options"]},
        health={
            "command": command,
            "interval_s": seconds(health["interval"]),
            "timeout_s": seconds(health["timeout"]),
            "start_period_s": seconds(health["start_period"]),
            "retries": health["retries"],
        },
        labels=service["labels"],
    )


def _undoubled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _undoubled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_undoubled(item) for item in value]
    if not isinstance(value, str):
        return value
    assert "$" not in value.replace("$$", ""), f"Compose would interpolate {value!r}"
    return value.replace("$$", "$")


def from_docker(argv: Sequence[str]) -> Launch:
    """The argv of `docker`, from `run` on."""
    assert argv[0] == "run"
    words = iter(argv[1:])
    given, image = _options(words)
    one = {option: values[-1] for option, values in given.items()}
    assert all(len(values) == 1 for option, values in given.items() if option not in _REPEATED)
    return Launch(
        name=one.get("--name", ""),
        image=image,
        argv=list(words),
        env=_pairs(given.get("--env", [])),
        mounts={_volume(value) for value in given.get("--volume", [])},
        tmpfs=set(given.get("--tmpfs", [])),
        gpus=_gpus(one["--gpus"]) if "--gpus" in one else None,
        ipc=one["--ipc"],
        shm_size_bytes=_bytes(one["--shm-size"]),
        network=one["--network"],
        ulimits={name: _limits(value) for name, value in _pairs(given.get("--ulimit", [])).items()},
        restart=one.get("--restart", "no"),
        stop_timeout_s=int(one.get("--stop-timeout", 10)),
        log={"driver": one.get("--log-driver", ""), **_pairs(given.get("--log-opt", []))},
        health={
            "command": one.get("--health-cmd", ""),
            "interval_s": seconds(one.get("--health-interval", "0s")),
            "timeout_s": seconds(one.get("--health-timeout", "0s")),
            "start_period_s": seconds(one.get("--health-start-period", "0s")),
            "retries": int(one.get("--health-retries", 0)),
        },
        labels=_pairs(given.get("--label", [])),
    )


_REPEATED = {"--env", "--volume", "--tmpfs", "--ulimit", "--log-opt", "--label"}


def _options(words: Iterator[str]) -> tuple[dict[str, list[str]], str]:
    """Every option with its values, and the word that ends them: the image."""
    given: dict[str, list[str]] = {}
    for word in words:
        if not word.startswith("-"):
            return given, word
        option, equals, value = word.partition("=")
        if option != "--detach":
            given.setdefault(option, []).append(value if equals else next(words))
    raise AssertionError("the command names no image")


def _pairs(values: list[str]) -> dict[str, str]:
    pairs = dict(value.split("=", 1) for value in values)
    assert len(pairs) == len(values), "a name is given twice"
    return pairs


def _volume(value: str) -> tuple[str, str, bool]:
    source, target, *mode = value.split(":")
    assert mode in ([], ["ro"])
    return source, clean(target), mode == ["ro"]


def _gpus(value: str) -> tuple[str, ...]:
    """`--gpus` is one line of CSV whose fields are key=value (docker/cli, opts/gpus.go)."""
    [field] = next(csv.reader([value]))
    return ALL_GPUS if field == "all" else tuple(field.removeprefix("device=").split(","))


def _limits(value: str) -> tuple[int, int]:
    soft, _, hard = value.partition(":")
    return int(soft), int(hard or soft)


def _bytes(text: str) -> int:
    return int(text[:-1]) * 1024**3 if text.endswith("g") else int(text)


def clean(path: str) -> str:
    """The shortest name of an absolute path; Compose writes mount targets so."""
    return posixpath.normpath("/" + path.lstrip("/"))


def seconds(text: str) -> int:
    """A Go duration of whole seconds: `1800s`, or as Compose prints it back, `30m0s`."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    assert match, text
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest
