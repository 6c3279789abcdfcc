"""Counts what the server does and writes it as Prometheus text, under SGLang's names.

Names and buckets: sglang/srt/observability/metrics_collector.py, 0.5.10.
"""

from __future__ import annotations

import threading
from bisect import bisect_left

_SECONDS = (0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400)
_HISTOGRAMS = {
    "time_to_first_token_seconds": _SECONDS,
    "e2e_request_latency_seconds": (*_SECONDS, 600, 1200, 1800, 2400),
    "inter_token_latency_seconds": (
        *(0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035),
        *(0.04, 0.06, 0.08, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8),
    ),
}
_HELP = {
    "prompt_tokens_total": "Prompt tokens processed.",
    "generation_tokens_total": "Tokens generated.",
    "num_requests_total": "Requests processed.",
    "num_aborted_requests_total": "Requests that the client gave up.",
    "num_running_reqs": "Requests running.",
    "num_queue_reqs": "Requests waiting.",
    "num_used_tokens": "Tokens in the KV cache.",
    "max_total_num_tokens": "Tokens that the KV cache can hold.",
    "token_usage": "Share of the KV cache in use.",
    "gen_throughput": "Tokens generated per second.",
    "cache_hit_rate": "Share of prompt tokens found in the prefix cache.",
    "spec_accept_length": "Tokens accepted per speculative step.",
    "time_to_first_token_seconds": "Time to the first token.",
    "e2e_request_latency_seconds": "Time from request to last token.",
    "inter_token_latency_seconds": "Time between two tokens.",
}


class Metrics:
    """Counters and histograms of one server; gauges are given when they are asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters = {name: 0 for name in _HELP if name.endswith("_total")}
        self._observed: dict[str, list[int]] = {
            name: [0] * (len(buckets) + 1) for name, buckets in _HISTOGRAMS.items()
        }
        self._sums = dict.fromkeys(_HISTOGRAMS, 0.0)

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._counters[name] += amount

    def observe(self, name: str, seconds: float) -> None:
        """Add a duration to a histogram."""
        with self._lock:
            self._observed[name][bisect_left(_HISTOGRAMS[name], seconds)] += 1
            self._sums[name] += seconds

    def render(self, model_name: str, gauges: dict[str, float]) -> str:
        """Everything in Prometheus' text format."""
        label = f'model_name="{model_name}"'
        ranks = f'engine_type="unified",model_name="{model_name}",pp_rank="0",tp_rank="0"'
        lines: list[str] = []
        with self._lock:
            for name, value in gauges.items():
                lines += [*_head(name, "gauge"), f"sglang:{name}{{{ranks}}} {float(value)}"]
            for name, count in self._counters.items():
                lines += [*_head(name, "counter"), f"sglang:{name}{{{label}}} {float(count)}"]
            for name, buckets in _HISTOGRAMS.items():
                lines += [*_head(name, "histogram"), *self._histogram(name, buckets, label)]
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str, buckets: tuple[float, ...], label: str) -> list[str]:
        lines, below = [], 0
        edges = [*(str(float(bound)) for bound in buckets), "+Inf"]
        for edge, count in zip(edges, self._observed[name], strict=True):
            below += count
            lines.append(f'sglang:{name}_bucket{{{label},le="{edge}"}} {float(below)}')
        lines.append(f"sglang:{name}_count{{{label}}} {float(below)}")
        lines.append(f"sglang:{name}_sum{{{label}}} {float(self._sums[name])}")
        return lines


def _head(name: str, kind: str) -> list[str]:
    return [f"# HELP sglang:{name} {_HELP[name]}", f"# TYPE sglang:{name} {kind}"]
