"""The server's arguments: parsed by the catalogue, merged with the file that --config names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from glm_deploy.sglang.catalogue import Catalogue

# Context of GLM-5.1 (config.json of zai-org/GLM-5.1: max_position_embeddings).
CONTEXT_TOKENS = 202_752

# SGLang's choices for a card of 60 to 160 GiB (ServerArgs._handle_gpu_memory_settings, 0.5.10).
CHUNKED_PREFILL_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class ServerArguments:
    """Every argument by `dest`, asked for by its long flag, which is the same in all releases."""

    catalogue: Catalogue
    by_dest: Mapping[str, Any]

    def __getitem__(self, flag: str) -> Any:
        """The flag's value; `None` when it is not given or the release has no such flag."""
        option = self.catalogue.find(flag)
        return self.by_dest.get(option.dest) if option else None

    @property
    def served_name(self) -> str:
        """The name that clients ask for."""
        return str(self["--served-model-name"] or self["--model-path"])

    @property
    def tensor(self) -> int:
        """The tensor parallel size."""
        return int(self["--tensor-parallel-size"] or 1)

    @property
    def pipeline(self) -> int:
        """The pipeline parallel size."""
        return int(self["--pipeline-parallel-size"] or 1)

    @property
    def context_tokens(self) -> int:
        """How long prompt and reply may be together."""
        return int(self["--context-length"] or CONTEXT_TOKENS)

    @property
    def chunked_prefill_tokens(self) -> int:
        """How many tokens of a prompt are computed at once; 0 or less for all of them."""
        given = self["--chunked-prefill-size"]
        return CHUNKED_PREFILL_TOKENS if given is None else int(given)

    @property
    def max_running_requests(self) -> int:
        """How many requests run at the same time; others queue."""
        return int(self["--max-running-requests"] or 2048)

    def ranks(self) -> list[str]:
        """The log prefix of every rank, first pipeline stage first: `PP0 TP0`, `TP3` or empty."""
        return [
            " ".join(
                [f"PP{stage}"] * (self.pipeline > 1) + [f"TP{rank}"] * (self.tensor > 1),
            )
            for stage in range(self.pipeline)
            for rank in range(self.tensor)
        ]


def parse(catalogue: Catalogue, argv: Sequence[str]) -> ServerArguments:
    """Parse a command line as the engine does.

    Raises ArgvRefused, with argparse's words, and ValueError for a --config that cannot be used.
    """
    return ServerArguments(catalogue, catalogue.parse(_merge_config(catalogue, list(argv))))


def _merge_config(catalogue: Catalogue, argv: list[str]) -> list[str]:
    """Put the file's arguments in front, so that the command line wins."""
    if "--config" not in argv:
        return argv
    if argv.count("--config") > 1:
        raise ValueError("Multiple config files specified! Only one allowed.")
    at = argv.index("--config")
    if at == len(argv) - 1:
        raise ValueError("No config file specified after --config flag!")
    return [*_config_arguments(catalogue, Path(argv[at + 1])), *argv[:at], *argv[at + 2 :]]


def _config_arguments(catalogue: Catalogue, path: Path) -> Iterator[str]:
    if path.suffix.lower() not in {".yaml", ".yml"}:
        raise ValueError(f"Config file must be YAML format, got: {path.suffix}")
    if not path.exists():
        raise ValueError(f"Config file not found: {path}")
    for key, value in _flat_yaml(path.read_text(encoding="utf-8")):
        flag = f"--{key}"
        option = catalogue.find(flag)
        if value in {"true", "false"}:
            if option is None or option.action != "store_true":
                yield from (flag, value)
            elif value == "true":
                yield flag
        else:
            yield from (flag, value)


def _flat_yaml(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values of a YAML file without nesting; the standard library reads no more."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#") or line.strip() == "---":
            continue
        key, colon, value = line.partition(":")
        value = value.strip()
        if not colon or line[0].isspace() or value[:1] in {"[", "{", "|", ">"} or not value:
            raise ValueError(f"config line {number}: the simulator reads `key: value` only")
        if value[0] in "\"'" and value.find(value[0], 1) > 0:
            yield key.strip(), value[1 : value.index(value[0], 1)]
        else:
            yield key.strip(), value.partition(" #")[0].rstrip()
