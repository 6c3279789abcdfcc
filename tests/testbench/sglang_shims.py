"""What lets sglang's argument parser be imported on a machine without a GPU or its kernels."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from typing import Any

# Imported by sglang 0.5.7 to 0.5.18 on the way to its parser with no way around it, and impossible
# to install without gigabytes of CUDA. 0.5.20 and 0.5.23 import without any stand-in. Modules
# whose absence sglang handles by itself stay absent: that is the path it was written for.
ABSENT = frozenset({"torchvision"})


class _StandInType(type):
    """Any attribute of a stand-in class is a stand-in class as well."""

    def __getattr__(cls, name: str) -> Any:
        return _stand_in(name)


class _StandIn(metaclass=_StandInType):
    """May be named, called or inherited from while a module is imported; does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass


class _StandInModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        return _stand_in(name)


def _stand_in(name: str) -> Any:
    # Dunder names are protocols, and a stand-in follows none.
    if name.startswith("__"):
        raise AttributeError(name)
    return _StandInType(name, (_StandIn,), {})


class _StandInFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Last resort of the import system for the absent modules, when sglang is the one asking."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in ABSENT or not _asked_by_sglang():
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _StandInModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """A stand-in has no body."""


def _asked_by_sglang() -> bool:
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals["__name__"].startswith("importlib._bootstrap"):
        frame = frame.f_back
    importer: str = frame.f_globals["__name__"]
    return importer.partition(".")[0] == "sglang"


def _let_configs_be_registered_twice() -> None:
    """Let sglang register model types that a newer transformers has learnt meanwhile."""
    auto_config = importlib.import_module("transformers").AutoConfig
    register = auto_config.register

    def register_again(model_type: str, config: type, exist_ok: bool = False) -> None:
        register(model_type, config, exist_ok=True)

    auto_config.register = staticmethod(register_again)


def install() -> None:
    """Put the shims in place; call before the first import of sglang."""
    # Transformers notes once whether torchvision exists. It has to look before a stand-in does.
    importlib.import_module("transformers.image_utils")
    _let_configs_be_registered_twice()
    sys.meta_path.append(_StandInFinder())
