"""How SGLang dies: the checks it makes, its tracebacks, and what its processes say last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from glm_deploy.simulator import log
from glm_deploy.simulator.memory import PAGE_TOKENS

if TYPE_CHECKING:
    from glm_deploy.simulator.arguments import ServerArguments
    from glm_deploy.simulator.memory import Memory

SOURCE = "/sgl-workspace/sglang/python/sglang"
ATTENTION_HEADS = 64


class EngineFailure(Exception):  # noqa: N818  # what it would print is printed already
    """The engine died; its last words are in the log."""


def check_arguments(arguments: ServerArguments) -> None:
    """The assertions that argparse lets pass and the engine does not (ServerArgs, 0.5.10)."""
    if ":" in arguments.served_name:
        _die_at_start(
            "AssertionError: served_model_name cannot contain a colon (':') character. "
            f"Invalid value: '{arguments.served_name}'"
        )
    if arguments.pipeline > 1 and (
        arguments["--speculative-algorithm"] or arguments["--enable-mixed-chunk"]
    ):
        _die_at_start(
            "AssertionError: Pipeline parallelism is not compatible with overlap schedule, "
            "speculative decoding, mixed chunked prefill."
        )
    chunk = arguments.chunked_prefill_tokens
    if chunk > 0 and chunk % PAGE_TOKENS:
        _die_at_start("AssertionError: chunked_prefill_size must be divisible by page_size")
    if arguments["--kv-cache-dtype"] == "fp8_e5m2":
        _die_at_start(
            "AssertionError: DeepSeek DSA only supports bf16/bfloat16 or fp8_e4m3 kv_cache_dtype"
        )
    experts = arguments["--expert-parallel-size"] or 1
    if arguments["--moe-runner-backend"] == "b12x" and experts > 1:
        # The type is known from running it, the fork's wording is not.
        _die_at_start("ValueError: the b12x MoE runner does not support expert parallelism")


def check_model(arguments: ServerArguments) -> None:
    """What fails in the ranks: heads that do not divide by the tensor size, unreadable JSON."""
    if ATTENTION_HEADS % arguments.tensor:
        _die_in_ranks(
            arguments,
            f"{SOURCE}/srt/models/deepseek_v2.py",
            "assert num_heads % attn_tp_size == 0",
            "AssertionError",
        )
    try:
        json.loads(arguments["--model-loader-extra-config"] or "{}")
    except ValueError as error:
        _die_in_ranks(
            arguments,
            f"{SOURCE}/srt/configs/load_config.py",
            "json.loads(model_loader_extra_config)",
            f"json.decoder.JSONDecodeError: {error}",
        )


def out_of_memory(arguments: ServerArguments, memory: Memory) -> NoReturn:
    """The GPUs are full before the weights are loaded."""
    total = memory.before_gib
    _die_in_ranks(
        arguments,
        f"{SOURCE}/srt/model_loader/loader.py",
        "weight = torch.empty(shape, dtype=dtype, device=device)",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a "
        f"total capacity of {total:.2f} GiB of which 812.00 MiB is free. Process 1 has "
        f"{total - 0.79:.2f} GiB memory in use.",
    )


def no_room_for_cache(arguments: ServerArguments) -> NoReturn:
    """The weights fit, a KV cache beside them does not."""
    _die_in_ranks(
        arguments,
        f"{SOURCE}/srt/model_executor/model_runner_kv_cache_mixin.py",
        "raise ValueError(msg)",
        "ValueError: Not enough memory. Please try to increase --mem-fraction-static.",
    )


def cuda_error(arguments: ServerArguments) -> None:
    """A kernel fails while the server is up; says so as the ranks and the main process do."""
    for ranks in arguments.ranks():
        log.line(
            _scheduler_exception(
                f"{SOURCE}/srt/managers/scheduler.py",
                "self.tp_worker.forward_batch_generation(batch)",
                "torch.AcceleratorError: CUDA error: an illegal memory access was encountered",
            ),
            ranks,
        )
    log.line(
        "SIGQUIT received. signum=3, frame=<frame>. It usually means one child failed.",
    )


def _die_at_start(error: str) -> NoReturn:
    log.raw(
        "Traceback (most recent call last):\n"
        f'  File "{SOURCE}/launch_server.py", line 61, in <module>\n'
        "    run_server(server_args)\n"
        f'  File "{SOURCE}/srt/server_args.py", line 6090, in check_server_args\n'
        f"{error}\n"
    )
    raise EngineFailure(error)


def _die_in_ranks(arguments: ServerArguments, file: str, code: str, error: str) -> NoReturn:
    for ranks in arguments.ranks():
        log.line(_scheduler_exception(file, code, error), ranks)
    log.line("Received sigquit from a child process. It usually means the child failed.")
    raise EngineFailure(error)


def _scheduler_exception(file: str, code: str, error: str) -> str:
    return (
        "Scheduler hit an exception: Traceback (most recent call last):\n"
        f'  File "{SOURCE}/srt/managers/scheduler.py", line 3580, in run_scheduler_process\n'
        "    scheduler = Scheduler(\n"
        f'  File "{file}", line 1130, in __init__\n'
        f"    {code}\n"
        f"{error}\n"
    )
