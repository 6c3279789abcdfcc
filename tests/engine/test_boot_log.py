"""What SGLang's boot log says, line by line, in the wording of several releases."""

from __future__ import annotations

import pytest

from glm_deploy.sglang.boot_log import BootEvent, Phase, read_line, split_log

STAMP = "2026-03-20 12:00:00"


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (
            f"[{STAMP} TP0] Init torch distributed begin.",
            BootEvent(Phase.DISTRIBUTED, "TP0", None, None, {}),
        ),
        (
            f"[{STAMP} PP1 TP0] Init torch distributed ends. elapsed=3.21 s, mem usage=0.85 GB",
            BootEvent(
                Phase.DISTRIBUTED, "PP1 TP0", None, None, {"elapsed_s": 3.21, "used_gib": 0.85}
            ),
        ),
        (
            f"[{STAMP} TP0] NCCL/RCCL/HCCL warmup completed in 1.204s (first call)",
            BootEvent(Phase.DISTRIBUTED, "TP0", None, None, {}),
        ),
        (
            f"[{STAMP}.123 TP7] Load weight begin. avail mem=93.99 GB",
            BootEvent(Phase.WEIGHTS, "TP7", None, None, {"available_gib": 93.99}),
        ),
        (
            "Loading safetensors checkpoint shards:  14% Completed | 9/64 [00:05<00:30,  1.8it/s]",
            BootEvent(Phase.WEIGHTS, "", 9, 64, {}),
        ),
        (
            "Multi-thread loading shards: 100% Completed | 64/64 [00:36<00:00,  1.8it/s]",
            BootEvent(Phase.WEIGHTS, "", 64, 64, {}),
        ),
        (
            f"[{STAMP} TP0] Load weight end. elapsed=36.00 s, type=GlmMoeDsaForCausalLM, "
            "quant=compressed-tensors, avail mem=36.93 GB, mem usage=57.06 GB.",
            BootEvent(
                Phase.WEIGHTS,
                "TP0",
                None,
                None,
                {"elapsed_s": 36.0, "available_gib": 36.93, "used_gib": 57.06},
            ),
        ),
        (
            f"[{STAMP} TP0] KV Cache is allocated. #tokens: 314304, KV size: 29.32 GB",
            BootEvent(Phase.KV_CACHE, "TP0", None, None, {"tokens": 314304, "kv_gib": 29.32}),
        ),
        (
            f"[{STAMP} TP0] KV Cache is allocated. dtype: torch.bfloat16, #tokens: 64, "
            "KV size: 0.01 GB",
            BootEvent(Phase.KV_CACHE, "TP0", None, None, {"tokens": 64, "kv_gib": 0.01}),
        ),
        (
            f"[{STAMP} TP0] Memory pool end. avail mem=7.40 GB",
            BootEvent(Phase.MEMORY_POOL, "TP0", None, None, {"available_gib": 7.4}),
        ),
        (
            f"[{STAMP} TP0] Capture cuda graph begin. This can take up to several minutes. "
            "avail mem=7.40 GB",
            BootEvent(Phase.GRAPHS, "TP0", None, None, {"available_gib": 7.4}),
        ),
        (
            f"[{STAMP} TP0] Capture target decode CUDA graph end. bs=[1, 2], elapsed=208.00 s, "
            "mem usage=1.80 GB, avail mem=5.60 GB.",
            BootEvent(
                Phase.GRAPHS,
                "TP0",
                None,
                None,
                {"elapsed_s": 208.0, "used_gib": 1.8, "available_gib": 5.6},
            ),
        ),
        (
            "Capturing batches (bs=160 avail_mem=6.50 GB):  13%|█▎        | 7/52 [00:28<03:00]",
            BootEvent(Phase.GRAPHS, "", 7, 52, {"available_gib": 6.5}),
        ),
        (
            f"[{STAMP} TP0] max_total_num_tokens=314304, chunked_prefill_size=16384, "
            "max_prefill_tokens=16384, max_running_requests=2048, context_len=202752, "
            "available_gpu_mem=5.60 GB",
            BootEvent(
                Phase.WARM_UP,
                "TP0",
                None,
                None,
                {
                    "tokens": 314304,
                    "chunked_prefill_size": 16384,
                    "max_running_requests": 2048,
                    "context_tokens": 202752,
                    "available_gib": 5.6,
                },
            ),
        ),
        (
            f"[{STAMP}] INFO:     Uvicorn running on http://0.0.0.0:5000 (Press CTRL+C to quit)",
            BootEvent(Phase.WARM_UP, "", None, None, {}),
        ),
        (
            f"[{STAMP}] The server is fired up and ready to roll!",
            BootEvent(Phase.READY, "", None, None, {}),
        ),
    ],
)
def test_a_telling_line(line, event):
    assert read_line(line) == event


@pytest.mark.parametrize(
    "line",
    [
        "",
        f"[{STAMP} TP0] Using KV cache dtype: torch.bfloat16",
        f"[{STAMP}] server_args=ServerArgs(model_path='m', chunked_prefill_size=16384)",
        "  0%|          | 0/52 [00:00<?, ?it/s]",
        f"[{STAMP} TP0] Capture cuda graph bs [1, 2, 4]",
        f"[{STAMP} TP0] Decode batch, #running-req: 1, #token: 64, token usage: 0.00",
    ],
)
def test_a_line_that_says_nothing_of_the_boot(line):
    assert read_line(line) is None


def test_phases_are_in_the_order_of_a_boot():
    assert [phase.rank for phase in Phase] == list(range(len(Phase)))
    assert Phase.WEIGHTS.rank < Phase.GRAPHS.rank < Phase.READY.rank


def test_every_state_of_a_progress_bar_is_a_line():
    text = "one\n\r  0%|  | 0/2\r 50%|x | 1/2\x1b[A\r\n\n100%|xx| 2/2\ntwo"
    assert list(split_log(text)) == [
        "one",
        "  0%|  | 0/2",
        " 50%|x | 1/2",
        "100%|xx| 2/2",
        "two",
    ]
