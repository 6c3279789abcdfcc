"""The boot of a simulated server: SGLang's log lines in their order, at a real boot's pace.

Wording after sglang 0.5.10. Duration: 7 to 8 minutes, of them 36 s for the weights and 208 s for
the graphs (operators of github.com/voipmonitor/rtx6kpro, GLM-5 on 8 GPUs).
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from glm_deploy.simulator import failures, log
from glm_deploy.simulator.settings import Scenario

if TYPE_CHECKING:
    from glm_deploy.simulator.arguments import ServerArguments
    from glm_deploy.simulator.memory import Memory
    from glm_deploy.simulator.settings import Settings

IMPORT_S = 25.0
DISTRIBUTED_S = 14.0
LOAD_S = 36.0
POOL_S = 3.0
KERNELS_S = 110.0
GRAPHS_S = 208.0
HTTP_S = 4.0
WARM_UP_S = 50.0

# The 320 GB checkpoint comes in files of 5 GB.
SHARDS = 64

# Memory that a captured batch size takes, in GiB; the fraction left over is for these.
GRAPH_GIB = 0.05

# SGLang's largest batch with a graph on a card of 60 to 160 GiB (server_args.py, 0.5.10).
MAX_GRAPH_BATCH = {True: 256, False: 512}


def load_model(arguments: ServerArguments, memory: Memory, settings: Settings) -> None:
    """Everything up to the moment when the HTTP server may start.

    Raises EngineFailure where the engine would die, and never returns in the scenario that hangs.
    """
    settings.wait(IMPORT_S)
    shown = ", ".join(f"{dest}={value!r}" for dest, value in arguments.by_dest.items())
    # The API key is in it, as in the real log: whoever collects logs has to expect that.
    log.line(f"server_args=ServerArgs({shown})")
    failures.check_arguments(arguments)
    log.line("Setting page size to 64 for DeepSeek DSA.")
    _everywhere(arguments, "Init torch distributed begin.")
    settings.wait(DISTRIBUTED_S)
    _everywhere(
        arguments, f"Init torch distributed ends. elapsed={DISTRIBUTED_S:.2f} s, mem usage=0.85 GB"
    )
    _load_weights(arguments, memory, settings)
    _allocate(arguments, memory, settings)
    settings.wait(KERNELS_S)
    if not arguments["--disable-cuda-graph"]:
        _capture(arguments, memory, settings)
    for ranks in _first_of_each_stage(arguments):
        log.line(
            f"max_total_num_tokens={memory.kv_tokens}, "
            f"chunked_prefill_size={arguments.chunked_prefill_tokens}, "
            f"max_prefill_tokens={arguments['--max-prefill-tokens']}, "
            f"max_running_requests={arguments.max_running_requests}, "
            f"context_len={arguments.context_tokens}, "
            f"available_gpu_mem={memory.after_pool_gib - _graph_gib(arguments):.2f} GB",
            ranks,
        )
    settings.wait(HTTP_S)


def _load_weights(arguments: ServerArguments, memory: Memory, settings: Settings) -> None:
    _everywhere(arguments, f"Load weight begin. avail mem={memory.before_gib:.2f} GB")
    failures.check_model(arguments)
    does_not_fit = memory.after_load_gib <= 0 or settings.scenario is Scenario.OOM_AT_LOAD
    last = SHARDS // 2 if does_not_fit else SHARDS
    title = _shards_title(arguments)
    for done in range(last + 1):
        settings.wait(LOAD_S / SHARDS if done else 0)
        log.shards(title, done, SHARDS, done * LOAD_S / SHARDS)
    if does_not_fit:
        failures.out_of_memory(arguments, memory)
    _everywhere(
        arguments,
        f"Load weight end. elapsed={LOAD_S:.2f} s, type=GlmMoeDsaForCausalLM, "
        f"avail mem={memory.after_load_gib:.2f} GB, mem usage={memory.weights_gib:.2f} GB.",
    )


def _shards_title(arguments: ServerArguments) -> str:
    extra = json.loads(arguments["--model-loader-extra-config"] or "{}")
    if extra.get("enable_multithread_load"):
        return "Multi-thread loading shards"
    return "Loading safetensors checkpoint shards"


def _allocate(arguments: ServerArguments, memory: Memory, settings: Settings) -> None:
    if memory.kv_tokens <= 0:
        failures.no_room_for_cache(arguments)
    for ranks in _first_of_each_stage(arguments)[:1]:
        log.line(f"Using KV cache dtype: {arguments['--kv-cache-dtype']}", ranks)
    settings.wait(POOL_S)
    _everywhere(
        arguments,
        f"KV Cache is allocated. #tokens: {memory.kv_tokens}, KV size: {memory.kv_gib:.2f} GB",
    )
    _everywhere(arguments, f"Memory pool end. avail mem={memory.after_pool_gib:.2f} GB")


def _capture(arguments: ServerArguments, memory: Memory, settings: Settings) -> None:
    _everywhere(
        arguments,
        "Capture cuda graph begin. This can take up to several minutes. "
        f"avail mem={memory.after_pool_gib:.2f} GB",
    )
    batches = sorted(graph_batches(arguments), reverse=True)
    log.line(f"Capture cuda graph bs {batches[::-1]}", _first_of_each_stage(arguments)[0])
    for done, batch in enumerate([*batches, batches[-1]]):
        free = memory.after_pool_gib - done * GRAPH_GIB
        title = f"Capturing batches (bs={batch} avail_mem={free:.2f} GB)"
        log.graphs(title, done, len(batches), done * GRAPHS_S / len(batches))
        if settings.scenario is Scenario.HANG_IN_GRAPH_CAPTURE and done == len(batches) // 3:
            threading.Event().wait()
        settings.wait(GRAPHS_S / len(batches) if done < len(batches) else 0)
    used = _graph_gib(arguments)
    _everywhere(
        arguments,
        f"Capture cuda graph end. Time elapsed: {GRAPHS_S:.2f} s. mem usage={used:.2f} GB. "
        f"avail mem={memory.after_pool_gib - used:.2f} GB.",
    )


def graph_batches(arguments: ServerArguments) -> list[int]:
    """The batch sizes that get a graph, as ServerArgs chooses them (0.5.10)."""
    given = arguments["--cuda-graph-bs"]
    if given:
        return list(given)
    most = arguments["--cuda-graph-max-bs"] or MAX_GRAPH_BATCH[arguments.tensor < 4]
    sizes = [1, 2, 4, 8, 12, *range(16, 257, 8), *range(272, 512, 16), *range(512, most + 1, 32)]
    return sorted({size for size in sizes if size <= most} | {most})


def _graph_gib(arguments: ServerArguments) -> float:
    return 0 if arguments["--disable-cuda-graph"] else len(graph_batches(arguments)) * GRAPH_GIB


def _everywhere(arguments: ServerArguments, message: str) -> None:
    for ranks in arguments.ranks():
        log.line(message, ranks)


def _first_of_each_stage(arguments: ServerArguments) -> list[str]:
    return arguments.ranks()[:: arguments.tensor]
