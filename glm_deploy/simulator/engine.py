"""The engine behind the endpoints: its state, its pace and what it counts."""

from __future__ import annotations

import os
import threading
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

from glm_deploy.simulator import failures, log
from glm_deploy.simulator.metrics import Metrics
from glm_deploy.simulator.settings import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from glm_deploy.simulator.arguments import ServerArguments
    from glm_deploy.simulator.memory import Memory
    from glm_deploy.simulator.replies import Piece
    from glm_deploy.simulator.settings import Settings

# GLM-5 at tensor 8, one user (operators of github.com/voipmonitor/rtx6kpro).
PREFILL_TOKENS_PER_S = 4000
DECODE_TOKENS_PER_S = 51.6

# The first real turn after a cold start compiles kernels.
FIRST_TURN_S = 180.0

# How long /health waits for a token, and how long it sleeps before it looks (http_server.py).
HEALTH_TIMEOUT_S = 20.0
HEALTH_POLL_S = 1.0

_FIRST = "time_to_first_token_seconds"
_GAP = "inter_token_latency_seconds"


class Status(Enum):
    """Where a bound server is in its life."""

    STARTING = auto()
    UP = auto()
    DRAINING = auto()


class Engine:
    """Generates tokens for many threads at once, at a real engine's pace divided by the speed."""

    def __init__(self, arguments: ServerArguments, memory: Memory, settings: Settings) -> None:
        self.arguments = arguments
        self.memory = memory
        self.settings = settings
        self.metrics = Metrics()
        self.status = Status.STARTING
        self.last_throughput = 0.0
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(arguments.max_running_requests)
        self._running: dict[int, int] = {}
        self._waiting = 0
        self._turns = 0
        self._free = threading.Event()
        self._free.set()

    @property
    def running(self) -> int:
        """How many generations are running."""
        return len(self._running)

    @property
    def busy(self) -> bool:
        """Whether anything is running or waiting."""
        return bool(self._running or self._waiting)

    def gauges(self) -> dict[str, float]:
        """The metrics that describe this moment."""
        used = sum(self._running.values())
        return {
            "num_running_reqs": self.running,
            "num_queue_reqs": self._waiting,
            "num_used_tokens": used,
            "max_total_num_tokens": self.memory.kv_tokens,
            "token_usage": used / self.memory.kv_tokens,
            "gen_throughput": self.last_throughput if self._running else 0.0,
            "cache_hit_rate": 0.0,
            "spec_accept_length": 0.0,
        }

    def answers(self) -> bool:
        """Generate one token for a health check; false when the engine is stuck for too long."""
        if not self._free.wait(HEALTH_TIMEOUT_S / self.settings.speed):
            return False
        self.settings.wait(HEALTH_POLL_S)
        return True

    def generate(self, prompt_tokens: int, pieces: Sequence[Piece]) -> Iterator[Piece]:
        """Yield the pieces of a client's reply as they are generated.

        Closing the iterator early counts as an aborted request.
        """
        began = time.monotonic()
        request = self._admit(prompt_tokens)
        done = 0
        try:
            self._first_turn(request)
            self.settings.wait(prompt_tokens / PREFILL_TOKENS_PER_S)
            last = began
            for done, piece in enumerate(pieces, start=1):
                self.settings.wait(1 / DECODE_TOKENS_PER_S)
                now = time.monotonic()
                self.metrics.observe(_GAP if done > 1 else _FIRST, now - last)
                self._running[request] += 1
                last = now
                yield piece
        finally:
            self._release(request, prompt_tokens, done, time.monotonic() - began)
            if done < len(pieces):
                self.metrics.count("num_aborted_requests_total")

    def _admit(self, prompt_tokens: int) -> int:
        with self._lock:
            self._waiting += 1
        self._slots.acquire()
        with self._lock:
            self._waiting -= 1
            self._turns += 1
            request = self._turns
            running, waiting = self.running, self._waiting
            self._running[request] = prompt_tokens
        usage = prompt_tokens / self.memory.kv_tokens
        log.line(
            f"Prefill batch, #new-seq: 1, #new-token: {prompt_tokens}, #cached-token: 0, "
            f"token usage: {usage:.2f}, #running-req: {running}, #queue-req: {waiting}, ",
            self.arguments.ranks()[0],
        )
        if self.settings.scenario is Scenario.CRASH_AFTER_READY and request > 1:
            failures.cuda_error(self.arguments)
            # No cleaning up: the whole process tree is killed.
            os._exit(1)
        return request

    def _first_turn(self, request: int) -> None:
        if request == 1 and self.settings.scenario is Scenario.SLOW_FIRST_TURN:
            self._free.clear()
            self.settings.wait(FIRST_TURN_S)
            self._free.set()
        self._free.wait()

    def _release(self, request: int, prompt_tokens: int, generated: int, seconds: float) -> None:
        with self._lock:
            del self._running[request]
        self._slots.release()
        self.last_throughput = generated / seconds if seconds else 0.0
        self.metrics.count("num_requests_total")
        self.metrics.count("prompt_tokens_total", prompt_tokens)
        self.metrics.count("generation_tokens_total", generated)
        self.metrics.observe("e2e_request_latency_seconds", seconds)
