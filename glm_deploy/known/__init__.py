"""What is known of checkpoints, images and GPUs: YAML data with its sources, read on demand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

# The architecture that the tool's profiles and most of its rules are about.
GLM_DSA = "GlmMoeDsaForCausalLM"

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class GpuFamily:
    """A GPU family: what to call it, whether NVFP4 W4A4 runs on it, and why it is refused."""

    name: str
    runs_nvfp4: bool
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A known checkpoint. `quantization` is the value SGLang wants; `None` where not known."""

    id: str
    architecture: str
    format: str
    quantization: str | None
    heads: int
    layers: int
    mtp_layer: bool | None


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model architecture by its Hugging Face class name, and what of it rules go by."""

    name: str
    sparse_attention: bool


@dataclass(frozen=True, slots=True)
class ImageRepository:
    """A known image. `env` is what it sets itself; `cuda_driver_min` is NVML's integer (13000)."""

    name: str
    source: str
    env: dict[str, str]
    cuda_driver_min: int
    driver_min: str
    compute_capabilities: tuple[tuple[int, int], ...]


def gpu_family(capability: tuple[int, int]) -> GpuFamily:
    """The family of a compute capability such as `(12, 0)`; an unknown one is refused plainly."""
    table = _read("gpus")
    for key in (f"{capability[0]}.{capability[1]}", str(capability[0])):
        for row in table["families"]:
            if row["capability"] == key:
                return GpuFamily(row["family"], row["runs_nvfp4"], row["refusal"])
    return GpuFamily(f"sm_{capability[0]}{capability[1]}", False, table["other"])


def checkpoint(model_id: str) -> Checkpoint | None:
    """The checkpoint of a Hugging Face ID, or `None` when it is not in the catalogue."""
    row = _read("models").get(model_id)
    return Checkpoint(id=model_id, **row) if row else None


def architecture(*names: str) -> Architecture | None:
    """The architecture that the first telling name has: an ID, a path, or a served name.

    A checkpoint in the catalogue has its own; other names are told by what they contain.
    """
    rows = _read("architectures")
    for name in names:
        listed = checkpoint(name)
        for row in rows:
            if (listed and listed.architecture == row["name"]) or (
                listed is None and re.search(row["pattern"], name, re.IGNORECASE)
            ):
                return Architecture(row["name"], row["sparse_attention"])
    return None


def is_glm_dsa(*names: str) -> bool:
    """Whether the names are those of GLM-5, the model with DeepSeek Sparse Attention."""
    found = architecture(*names)
    return found is not None and found.name == GLM_DSA


@dataclass(frozen=True, slots=True)
class OtherFlag:
    """A flag of another engine. `use` is SGLang's own for it, `None` where it needs none."""

    engine: str
    use: str | None
    note: str


def other_flag(flag: str) -> OtherFlag | None:
    """What a flag that SGLang does not have means to the engine that has it, or `None`."""
    row = _read("other_flags").get(flag)
    return OtherFlag(**row) if row else None


# How a checkpoint of that format says so in its config.json. Only the method counts while arguments
# are resolved. Source: the checkpoints' own config.json files.
_QUANTIZATION = {
    "compressed-tensors": {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"},
    "modelopt_fp4": {"quant_method": "modelopt", "quant_algo": "NVFP4"},
}


def model_config(checkpoint: Checkpoint) -> dict[str, Any]:
    """A config.json for a known checkpoint, as far as the engine reads it before it loads.

    Source: the model card, and transformers' GlmMoeDsa defaults.
    """
    import json

    config: dict[str, Any] = json.loads((_HERE / "glm_moe_dsa.json").read_text("utf-8"))
    quantization = _QUANTIZATION.get(checkpoint.quantization or "")
    return {**config, "quantization_config": quantization} if quantization else config


def image_repository(ref: str) -> ImageRepository | None:
    """The known repository of an image reference (tag and digest aside), or `None`."""
    repository = ref.partition("@")[0]
    head, _, last = repository.rpartition("/")
    name = f"{head}/{last.partition(':')[0]}" if head else last.partition(":")[0]
    row = _read("images").get(name)
    if row is None:
        return None
    return ImageRepository(
        name=name,
        source=row["source"],
        env=row["env"],
        cuda_driver_min=row["cuda_driver_min"],
        driver_min=row["driver_min"],
        compute_capabilities=tuple(_capability(text) for text in row["compute_capabilities"]),
    )


def _capability(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)


@cache
def _read(name: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((_HERE / f"{name}.yaml").read_text("utf-8"), Loader=loader)  # noqa: S506 safe
