"""What NVML says of the driver and its GPUs, each question asked alone."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from glm_deploy.facts import Gpu, NvmlStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")
_BYTES_PER_MIB = 2**20

# The codes are nvmlReturn_t of nvml.h, which nvidia-ml-py repeats as NVML_ERROR_*.
# https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html
_MEANING = {
    3: "This GPU or its driver does not report it.",
    4: (
        "This user may not talk to the NVIDIA driver. "
        "Run as root, or as a user who can open /dev/nvidiactl and /dev/nvidia0."
    ),
    9: (
        "The NVIDIA kernel driver is not loaded. Run `sudo modprobe nvidia`, and if that fails "
        "read `sudo dmesg | grep -i nvrm`; after a kernel update the driver needs a rebuild."
    ),
    12: (
        "libnvidia-ml.so.1 was not found: no NVIDIA driver is installed here, or this is a "
        "container that was given no GPU. Install the driver's open kernel module variant "
        "with its libraries, then reboot."
    ),
    13: "The installed NVIDIA driver is too old to answer. Update the driver.",
    15: (
        "The GPU has fallen off the PCIe bus or stopped answering. Read "
        "`sudo dmesg | grep -i xid`, then power the host off and on; if it happens again, "
        "reseat the card and check its power cables."
    ),
    18: (
        "The NVIDIA libraries and the loaded kernel module are of different versions, as after "
        "a driver update. Reboot."
    ),
}

# nvmlSystemGetCudaDriverVersion_v2 answers out of libcuda, so these codes speak of that library.
_MEANING_FOR_CUDA = _MEANING | {
    12: (
        "libcuda.so.1 was not found, though NVML is here: the compute part of the driver is not "
        "installed. Install the driver package that carries libcuda.so.1."
    ),
}


_NO_MEANING = "Run `nvidia-smi` to see whether the driver still answers."


@dataclass(frozen=True, slots=True)
class NvmlFacts:
    """NVML's part of `Facts`; the fields mean what they mean there."""

    status: NvmlStatus
    driver_version: str | None
    cuda_driver_version: int | None
    gpus: tuple[Gpu, ...] | None
    unobserved: dict[str, str]


def observe_nvml() -> NvmlFacts:
    """Ask NVML for the driver and every GPU, in NVML's own order, which is by PCI address.

    CUDA_VISIBLE_DEVICES has no say in that order: UUID and PCI address are a GPU's identity.
    What cannot be read is `None` with a reason in `unobserved`. A GPU that is lost keeps its
    place in the list. Nothing is raised for a host whose driver is missing or broken.
    """
    import pynvml  # type: ignore[import-untyped]

    reader = _Reader(pynvml)
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return _silent(error.value, str(error))
    try:
        return reader.read()
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _silent(code: int, name: str) -> NvmlFacts:
    reason = f"NVML did not start: error {code} ({name.rstrip('.')})."
    return NvmlFacts(
        status=NvmlStatus(code=code, message=_MEANING.get(code, f"{name}. {_NO_MEANING}")),
        driver_version=None,
        cuda_driver_version=None,
        gpus=None,
        unobserved=dict.fromkeys(("driver_version", "cuda_driver_version", "gpus"), reason),
    )


def _reason(code: int, name: str, meaning: Mapping[int, str]) -> str:
    return f"NVML error {code} ({name.rstrip('.')}): {meaning.get(code, _NO_MEANING)}"


class _Reader:
    """Asks an initialised NVML; a question that fails leaves its reason and spoils no other."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._unobserved: dict[str, str] = {}

    def read(self) -> NvmlFacts:
        nvml = self._nvml
        count = self._ask(nvml.nvmlDeviceGetCount, "gpus")
        return NvmlFacts(
            status=NvmlStatus(code=0, message="Success"),
            driver_version=self._ask(nvml.nvmlSystemGetDriverVersion, "driver_version"),
            cuda_driver_version=self._ask(
                nvml.nvmlSystemGetCudaDriverVersion_v2,
                "cuda_driver_version",
                meaning=_MEANING_FOR_CUDA,
            ),
            gpus=None if count is None else tuple(self._gpu(index) for index in range(count)),
            unobserved=self._unobserved,
        )

    def _gpu(self, index: int) -> Gpu:
        nvml = self._nvml
        at = f"gpus.{index}"
        every_field = [f"{at}.{field}" for field in Gpu.model_fields]
        handle = self._ask(lambda: nvml.nvmlDeviceGetHandleByIndex(index), *every_field)
        if handle is None:
            return Gpu()
        # Version 2 keeps the driver's own reserve out of `used`; version 1 counts it in.
        memory = self._ask(
            lambda: nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2),
            f"{at}.memory_total_mib",
            f"{at}.memory_used_mib",
        )
        return Gpu(
            uuid=self._ask(lambda: nvml.nvmlDeviceGetUUID(handle), f"{at}.uuid"),
            pci_address=self._ask(
                lambda: _sysfs_address(nvml.nvmlDeviceGetPciInfo(handle).busId),
                f"{at}.pci_address",
            ),
            name=self._ask(lambda: nvml.nvmlDeviceGetName(handle), f"{at}.name"),
            compute_capability=self._ask(
                lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle),
                f"{at}.compute_capability",
            ),
            memory_total_mib=memory and memory.total // _BYTES_PER_MIB,
            memory_used_mib=memory and memory.used // _BYTES_PER_MIB,
        )

    def _ask(
        self,
        question: Callable[[], _T],
        *fields: str,
        meaning: Mapping[int, str] = _MEANING,
    ) -> _T | None:
        try:
            return question()
        except self._nvml.NVMLError as error:
            reason = _reason(error.value, str(error), meaning)
            self._unobserved |= dict.fromkeys(fields, reason)
            return None


def _sysfs_address(bus_id: str) -> str:
    """NVML's "00000000:C1:00.0" in the form of /sys/bus/pci/devices: "0000:c1:00.0"."""
    domain, _, rest = bus_id.lower().partition(":")
    return f"{int(domain, 16):04x}:{rest}"
