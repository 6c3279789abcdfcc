"""What the lines of an SGLang boot log mean: which phase they belong to, and the numbers in them.

Source of the wording: sglang 0.5.9 to 0.5.23 (model_executor, mem_cache, scheduler, http_server).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Phase(StrEnum):
    """The phases of a boot in their order; the value is what to call it to people."""

    DISTRIBUTED = "distributed init"
    WEIGHTS = "load weights"
    KV_CACHE = "KV cache"
    MEMORY_POOL = "memory pool"
    GRAPHS = "graph capture"
    WARM_UP = "warm-up"
    READY = "ready"

    @property
    def rank(self) -> int:
        """Position in the boot, from 0."""
        return list(Phase).index(self)


@dataclass(frozen=True, slots=True)
class BootEvent:
    """One telling line.

    `ranks` is its prefix (`TP0`, `PP1 TP0`, empty from the main process); `done` of `total` is the
    progress of shards or graphs; `numbers` holds what else the line says, units in the names
    (SGLang writes GB where it means GiB).
    """

    phase: Phase
    ranks: str
    done: int | None
    total: int | None
    numbers: Mapping[str, float]


# `[2026-03-20 12:00:00 PP1 TP0] `, with milliseconds where SGLANG_LOG_MS is set.
_PREFIX = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?P<ranks>(?: [A-Z_]+\d+)*)\]\s*")

# tqdm moves the cursor when several bars are on the screen.
_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_PATTERNS = tuple(
    (phase, re.compile(pattern, re.IGNORECASE))
    for phase, pattern in (
        # 0.5.23 no longer says that it begins; its first line then is about the NCCL warm-up.
        (Phase.DISTRIBUTED, r"Init torch distributed (?:begin|ends)|NCCL/RCCL(?:/HCCL)? warmup"),
        (Phase.WEIGHTS, r"Load weight (?:begin|end)\."),
        (
            Phase.WEIGHTS,
            r"(?:Loading safetensors checkpoint shards|Multi-thread loading shards)"
            r".*?\| (?P<done>\d+)/(?P<total>\d+)",
        ),
        (Phase.KV_CACHE, r"KV Cache (?:is )?allocated\.(?=.*#tokens)"),
        (Phase.MEMORY_POOL, r"Memory pool end\."),
        (
            Phase.GRAPHS,
            r"Capturing (?:batches|num tokens|prefill shape).*\| *(?P<done>\d+)/(?P<total>\d+)",
        ),
        # 0.5.10: `Capture cuda graph begin.`; later `Capture target decode CUDA graph end.`
        (Phase.GRAPHS, r"Capture (?:[\w-]+ )*?(?:cuda )?graph (?:begin|end)\b"),
        (Phase.WARM_UP, r"max_total_num_tokens=\d+, chunked_prefill_size="),
        (Phase.WARM_UP, r"Application startup complete|Uvicorn running on"),
        (Phase.READY, r"The server is fired up and ready to roll!"),
    )
)

_NUMBERS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("tokens", r"(?:#tokens: |max_total_num_tokens=)(\d+)"),
        ("kv_gib", r"KV size: ([\d.]+) GB"),
        ("available_gib", r"(?:avail mem|avail_mem|available_gpu_mem)=([\d.]+) GB"),
        ("used_gib", r"mem usage=([\d.]+) GB"),
        ("elapsed_s", r"(?:elapsed=|Time elapsed: )([\d.]+) s"),
        ("chunked_prefill_size", r"chunked_prefill_size=(-?\d+)"),
        ("max_running_requests", r"max_running_requests=(\d+)"),
        ("context_tokens", r"context_len=(\d+)"),
    )
)


def split_log(text: str) -> Iterator[str]:
    """The lines of a log; each state of a progress bar (after a carriage return) is a line.

    Terminal codes and empty lines are left out.
    """
    for line in re.split(r"[\r\n]+", _TERMINAL_CODE.sub("", text)):
        if line.strip():
            yield line


def read_line(line: str) -> BootEvent | None:
    """What one line of `split_log` says about the boot; `None` when it says nothing about it."""
    prefix = _PREFIX.match(line)
    ranks = prefix["ranks"].strip() if prefix else ""
    body = line[prefix.end() :] if prefix else line
    for phase, pattern in _PATTERNS:
        match = pattern.search(body)
        if match:
            progress = {name: int(value) for name, value in match.groupdict().items()}
            return BootEvent(
                phase, ranks, progress.get("done"), progress.get("total"), _numbers(body)
            )
    return None


def _numbers(body: str) -> dict[str, float]:
    found = ((name, pattern.search(body)) for name, pattern in _NUMBERS)
    return {name: float(match[1]) for name, match in found if match}
