"""Prints what sglang itself makes of a command for some GPUs: runs inside an image, without a GPU.

Self-contained like extract.py. Takes one JSON object as its argument: `argv` without the launcher,
`config` (the model's config.json), `gpus`, `capability`, `memory_mib` and `name` of a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import enum
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import os
import sys
import tempfile
import types
from pathlib import Path
from typing import Any, Iterator  # noqa: UP035  # Python 3.9 in older images

MIB = 2**20

# Kernels and codecs: imported on the way, never called while arguments are resolved. A stand-in
# answers for one that is absent; one that is there is used.
KERNELS = frozenset(
    (
        "sgl_kernel",
        "flashinfer",
        "deep_gemm",
        "compressed_tensors",
        "flash_attn",
        "triton_kernels",
        "gguf",
        "aiter",
        "petit_kernel",
        "cuda",
        "torchvision",
        "torchao",
        "vllm",
    )
)

# Fields of ServerArgs whose flags have another dest (from_cli_args, sglang 0.5.4 to 0.5.18).
FIELDS = {
    "tensor_parallel_size": "tp_size",
    "pipeline_parallel_size": "pp_size",
    "data_parallel_size": "dp_size",
    "expert_parallel_size": "ep_size",
    "attention_context_parallel_size": "attn_cp_size",
    "moe_data_parallel_size": "moe_dp_size",
}


class _StandInType(type):
    def __getattr__(cls, name: str) -> Any:
        return _stand_in(name)


class _StandIn(metaclass=_StandInType):
    """May be named, inherited from, called or used as a decorator; does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return args[0] if args and callable(args[0]) else self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _StandIn()


class _StandInModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        return _stand_in(name)


def _stand_in(name: str) -> Any:
    # Dunder names are protocols, and a stand-in follows none.
    if name.startswith("__"):
        raise AttributeError(name)
    return _StandInType(name, (_StandIn,), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Last resort of the import system; remembers for whom it stood in."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        package = fullname.partition(".")[0]
        if package not in KERNELS:
            return None
        self.used.add(package)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _StandInModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """A stand-in has no body."""


@contextlib.contextmanager
def stdout_on_stderr() -> Iterator[None]:
    """Send all that this process prints, native code included, to stderr meanwhile."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def fake_gpus(asked: dict[str, Any]) -> None:
    """Make torch.cuda describe the GPUs that are asked for."""
    cuda: Any = importlib.import_module("torch").cuda
    major, minor = asked["capability"]
    total = asked["memory_mib"] * MIB
    properties = types.SimpleNamespace(
        name=asked["name"], major=major, minor=minor, total_memory=total, multi_processor_count=188
    )
    answers = {
        "is_available": True,
        "device_count": asked["gpus"],
        "get_device_capability": (major, minor),
        "get_device_properties": properties,
        "get_device_name": asked["name"],
        "mem_get_info": (total, total),
        "current_device": 0,
        "set_device": None,
        "is_initialized": True,
        "init": None,
        "_lazy_init": None,
    }
    for name, answer in answers.items():
        setattr(cuda, name, lambda *_, answer=answer, **__: answer)
    version: Any = importlib.import_module("torch.version")
    version.cuda = version.cuda or "13.0"


def plain(value: Any) -> Any:
    """Return `value` as something JSON can hold."""
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def sglang_version() -> str:
    """Return the version of the sglang that answers."""
    return importlib.metadata.version("sglang")


def resolve(argv: list[str]) -> dict[str, Any]:
    """Return what was given and what became of it, by dest, or the error that ended it."""
    server_args: Any = importlib.import_module("sglang.srt.server_args")
    parser = argparse.ArgumentParser(prog="sglang serve")
    server_args.ServerArgs.add_cli_args(parser)
    given = vars(parser.parse_args(argv))
    flags = {a.dest: max(a.option_strings, key=len) for a in reversed(parser._actions)}
    asked = {"given": plain(given), "flags": flags, "version": sglang_version()}
    try:
        made = server_args.prepare_server_args(argv)
        if hasattr(made, "resolve_once"):
            made.resolve_once()
        made.check_server_args()
    except Exception as error:
        return {**asked, "error": f"{type(error).__name__}: {error}"}
    after = made.resolved_dict() if hasattr(made, "resolved_dict") else vars(made)
    resolved = {}
    for dest in given:
        field = dest if dest in after else FIELDS.get(dest, dest)
        if field in after:
            resolved[dest] = plain(after[field])
    return {**asked, "resolved": resolved}


def main(text: str) -> None:
    """Print the resolution of the JSON object `text` to stdout, as JSON."""
    asked = json.loads(text)
    finder = _Finder()
    with stdout_on_stderr(), tempfile.TemporaryDirectory() as folder:
        # Transformers notes once whether torchvision exists; it has to look before a stand-in does.
        importlib.import_module("transformers.image_utils")
        sys.meta_path.append(finder)
        Path(folder, "config.json").write_text(json.dumps(asked["config"]), "utf-8")
        fake_gpus(asked)
        found = resolve(["--model-path", folder, *asked["argv"]])
        found = json.loads(json.dumps(found).replace(folder, asked["model"]))
    sys.stdout.write(json.dumps({**found, "stand_ins": sorted(finder.used)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
