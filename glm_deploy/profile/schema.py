"""The schema of profiles/*.yaml: every section, every key, and what each value must be."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

# Flags that a section of the profile owns, and the key that sets each.
OWNED_FLAGS = {
    "--model-path": "model.id",
    "--model": "model.id",
    "--revision": "model.revision",
    "--served-model-name": "model.served_name",
    "--quantization": "model.quantization",
    "--tensor-parallel-size": "parallelism.tensor",
    "--tp-size": "parallelism.tensor",
    "--pipeline-parallel-size": "parallelism.pipeline",
    "--pp-size": "parallelism.pipeline",
    "--host": "server.host",
    "--port": "server.port",
    "--api-key": "server.api_key_file",
    "--config": "server.api_key_file",
}

_SIZE = re.compile(r"^(\d+)\s*([kmgt]?)(?:i?b)?$", re.IGNORECASE)


def parse_size(value: Any) -> int:
    """Bytes from an integer or from text such as `8g`, `512 MiB` (binary units, as Docker reads).

    Raises:
        ValueError: the text is not a size.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.match(str(value).strip())
    if not match:
        raise ValueError("a size is a whole number with a unit, for example 8g or 512m")
    exponent = " kmgt".index(match[2].lower() or " ")
    return int(match[1]) * int(1024**exponent)


def _text(value: Any) -> Any:
    """Numbers and decimals become text where YAML would have made them numbers."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _capability(value: str) -> str:
    if not re.fullmatch(r"\d{1,2}\.\d", value):
        raise ValueError('a compute capability looks like "12.0"')
    return value


def _owned(flag: str) -> str:
    if flag in OWNED_FLAGS:
        raise ValueError(f"{flag} has a key of its own: set {OWNED_FLAGS[flag]}")
    return flag


def _flag_value(value: Any) -> Any:
    """Maps become the JSON text that the engine parses; lists stay lists of words."""
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return [item if isinstance(item, str) else json.dumps(item) for item in value]
    return value


Word = Annotated[str, StringConstraints(min_length=1)]
Text = Annotated[str, BeforeValidator(_text)]
Size = Annotated[int, BeforeValidator(parse_size), Field(ge=0)]
Capability = Annotated[Text, AfterValidator(_capability)]
Seconds = Annotated[int, Field(ge=1)]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
FlagName = Annotated[
    str, StringConstraints(pattern=r"^--[a-z0-9][a-z0-9-]*$"), AfterValidator(_owned)
]
FlagValue = Annotated[
    bool | int | float | str | Annotated[list[str], Field(min_length=1)],
    BeforeValidator(_flag_value),
]
# Docker separates source and target by a colon and has no escape for one.
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[^:\n]*$")]
VolumeSource = Annotated[
    str, StringConstraints(pattern=r"^((/|~/)[^:\n]*|~|[A-Za-z0-9][A-Za-z0-9_.-]+)$")
]
HostPath = Annotated[str, StringConstraints(pattern=r"^(/|~/)[^:\n]*$")]
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]+$")]
GpuId = Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]+$")]
UlimitName = Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]
ImageRef = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]\S*$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class Section(BaseModel):
    """A part of a profile. Unknown keys are refused, values are strict about their type."""

    # defer_build: only the whole Profile is compiled, once, and only by commands that load one.
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, protected_namespaces=(), defer_build=True
    )


class Evidence(Section):
    """How the profile is known to work."""

    basis: Literal["measured", "documented", "reported", "calculated"]
    sources: Annotated[list[Word], Field(min_length=1)]
    note: str = ""


class Hardware(Section):
    """The GPUs this profile is for. Memory in MiB, as NVML reports it."""

    gpus: Annotated[int, Field(ge=1, le=64)]
    compute_capability: Capability
    name_contains: Word
    memory_mib_min: Annotated[int, Field(ge=1)]


class Model(Section):
    """The checkpoint, the name clients use for it, and its quantization (`--quantization`)."""

    id: Word
    revision: Text | None = None
    served_name: Word
    quantization: Word | None = None


class EngineIdentity(Section):
    """Which engine the image holds.

    `version` is the upstream sglang release it is, or is nearest to. `parser` names the shipped
    flag catalogue that judges commands. `releases` is the range of releases (first, last) whose
    parsers must accept this profile. `patched` marks a build that may know further flags.
    """

    version: Text
    parser: Text
    releases: Annotated[list[Text], Field(min_length=2, max_length=2)] | None = None
    patched: bool = False


class Image(Section):
    """The Docker image. A `digest` pins it: the reference then becomes `ref@digest`."""

    ref: ImageRef
    digest: Digest | None = None
    engine: EngineIdentity


class Parallelism(Section):
    """Tensor parallel size x pipeline parallel size; their product is the number of GPUs."""

    tensor: Annotated[int, Field(ge=1)]
    pipeline: Annotated[int, Field(ge=1)] = 1


class EngineArguments(Section):
    """Engine arguments that rules reason about; `extra_args` takes every other flag.

    A key `mem_fraction_static` becomes `--mem-fraction-static`. A key left out or set to null is
    left to the rules, then to the engine. In `extra_args` `true` gives a bare flag, a list several
    values, a map JSON text.
    """

    reasoning_parser: Word | None = None
    tool_call_parser: Word | None = None
    kv_cache_dtype: Word | None = None
    trust_remote_code: bool | None = None
    mem_fraction_static: Annotated[float, Field(gt=0, lt=1)] | None = None
    context_length: Annotated[int, Field(ge=1)] | None = None
    chunked_prefill_size: int | None = None
    max_running_requests: Annotated[int, Field(ge=1)] | None = None
    attention_backend: Word | None = None
    fp4_gemm_backend: Word | None = None
    moe_runner_backend: Word | None = None
    disable_custom_all_reduce: bool | None = None
    disable_shared_experts_fusion: bool | None = None
    enable_mixed_chunk: bool | None = None
    enable_metrics: bool | None = None
    speculative_algorithm: Word | None = None
    speculative_num_steps: Annotated[int, Field(ge=1)] | None = None
    speculative_eagle_topk: Annotated[int, Field(ge=1)] | None = None
    speculative_num_draft_tokens: Annotated[int, Field(ge=1)] | None = None
    model_loader_extra_config: dict[str, Any] | None = None
    extra_args: dict[FlagName, FlagValue | None] = {}


class UlimitRange(Section):
    """A soft and a hard limit, in the kernel's unit; -1 is unlimited."""

    soft: int
    hard: int


class LogRotation(Section):
    """Docker's json-file log driver, bounded: `max_files` files of at most `max_size` bytes."""

    max_size: Size
    max_files: Annotated[int, Field(ge=1)]


class RestartPolicy(Section):
    """When Docker starts the container again; `max_retries` bounds `on-failure`."""

    policy: Literal["no", "on-failure", "always", "unless-stopped"]
    max_retries: Annotated[int, Field(ge=0)] = 0


class Container(Section):
    """How Docker runs the engine. `volumes` and `tmpfs` are keyed by the path in the container."""

    devices: Literal["all"] | Annotated[list[GpuId], Field(min_length=1)]
    ipc: Literal["host", "private", "shareable"]
    shm_size: Size
    network: Literal["host"]
    ulimits: dict[UlimitName, int | UlimitRange | None] = {}
    volumes: dict[AbsolutePath, VolumeSource | None] = {}
    tmpfs: dict[AbsolutePath, bool | None] = {}
    restart: RestartPolicy
    stop_timeout_s: Seconds
    log: LogRotation


class Server(Section):
    """Where the API listens, and the file its key is read from.

    `api_key_file` is an engine configuration file (`api-key: ...`), mounted read-only and given
    by `--config`, so that the key never stands in argv.
    """

    host: Address
    port: Annotated[int, Field(ge=1, le=65535)]
    api_key_file: HostPath | None = None


class Readiness(Section):
    """How long `up` waits, and the container's health check; all in seconds."""

    boot_timeout_s: Seconds
    first_turn_timeout_s: Seconds
    health_interval_s: Seconds
    health_timeout_s: Annotated[int, Field(ge=22)]
    health_retries: Annotated[int, Field(ge=1)]


class Profile(Section):
    """One way to serve one model on one set of GPUs.

    `undecided` lists flags and variables that no rule may fill in: they are left to the engine and
    the image.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=60)]
    summary: Word
    extends: Word | None = None
    evidence: Evidence
    hardware: Hardware
    model: Model
    image: Image
    parallelism: Parallelism
    engine: EngineArguments = EngineArguments()
    env: dict[EnvName, Text | None] = {}
    undecided: list[Word] = []
    container: Container
    server: Server
    readiness: Readiness
