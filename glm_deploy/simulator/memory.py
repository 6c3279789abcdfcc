"""GPU memory of a simulated server: weights, KV cache and how many tokens fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glm_deploy.simulator.arguments import ServerArguments

GIB = 1 << 30

# RTX PRO 6000 Blackwell as NVML reports it, less what a CUDA context and NCCL take.
GPU_GIB = 97_887 / 1024
CONTEXT_GIB = 1.6

# Checkpoint sizes in GB: the NVFP4 one and the BF16 one from the model card of
# 0xSero/GLM-5.1-555B-NVFP4, 444B at 2 bytes a weight, W4A16 like NVFP4. The longest name wins.
CHECKPOINT_GB = {
    "GLM-5.1-555B-NVFP4": 320,
    "GLM-5.1-555B-W4A16": 320,
    "GLM-5.1-555B": 1100,
    "GLM-5.1-444B": 890,
}
DEFAULT_CHECKPOINT_GB = 320

# An estimate: embeddings, norms and the index projections are on every rank.
REPLICATED = 1.05

# GlmMoeDsaForCausalLM: 78 layers; a token costs each layer kv_lora_rank 512 + rope 64 values and
# 132 bytes of index (128 of fp8, 4 of scale), whatever the tensor size.
LAYERS = 78
CELL_BYTES = {"bf16": (512 + 64) * 2 + 132, "fp8": 788}
PAGE_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Memory:
    """What each GPU holds, in GiB, and the KV cache in tokens (0 or less: it does not fit)."""

    before_gib: float
    weights_gib: float
    kv_gib: float
    kv_tokens: int
    mem_fraction: float

    @property
    def after_load_gib(self) -> float:
        """Free memory once the weights are there."""
        return self.before_gib - self.weights_gib

    @property
    def after_pool_gib(self) -> float:
        """Free memory once the KV cache is there as well."""
        return self.after_load_gib - self.kv_gib


def measure(arguments: ServerArguments) -> Memory:
    """Work out the memory of one GPU of the largest pipeline stage."""
    before = GPU_GIB - CONTEXT_GIB
    gpus = arguments.tensor * arguments.pipeline
    weights = _checkpoint_gb(arguments["--model-path"]) * 1e9 / GIB / gpus * REPLICATED
    # SGLang's own default leaves room for activations and graphs: about this on a 96 GB card.
    fraction = arguments["--mem-fraction-static"] or 0.86
    free = before - weights - before * (1 - fraction)
    layers = -(-LAYERS // arguments.pipeline)
    cell = layers * CELL_BYTES["fp8" if _is_fp8(arguments["--kv-cache-dtype"]) else "bf16"]
    pages = int(free * GIB // cell // PAGE_TOKENS)
    tokens = pages * PAGE_TOKENS
    limit = arguments["--max-total-tokens"]
    if limit:
        tokens = min(tokens, limit)
    return Memory(before, weights, max(tokens, 0) * cell / GIB, tokens, fraction)


def _checkpoint_gb(model_path: str) -> float:
    names = (name for name in CHECKPOINT_GB if name in model_path)
    return CHECKPOINT_GB.get(max(names, key=len, default=""), DEFAULT_CHECKPOINT_GB)


def _is_fp8(kv_cache_dtype: str) -> bool:
    # For DSA models `auto` means fp8 from compute capability 10 on (server_args.py, 0.5.10).
    return kv_cache_dtype in {"auto", "fp8_e4m3"}
