"""HST: the host around the cards: NVML, driver, port."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glm_deploy.model import Severity
from glm_deploy.rules.rule import Problem, Unknown, rule
from glm_deploy.rules.sources import IMAGE, documented, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

NVML = "NVML reference, https://docs.nvidia.com/deploy/nvml-api/"
CUDA_COMPATIBILITY = "https://docs.nvidia.com/deploy/cuda-compatibility/"

# The first driver branch for CUDA 13, and the first release of it that the image's CUDA 13.0.1
# wants: NVIDIA's CUDA 13.0 release notes.
DRIVER_BRANCH = 580
CUDA_13 = 13000
# From this CUDA driver on the image's compatibility library can be older than the driver.
CUDA_NEWER_THAN_IMAGE = 13020

# What to do about an NVML return code.
NVML_REMEDY = {
    4: "Run as a user who may open /dev/nvidia*, or with sudo.",
    9: "sudo modprobe nvidia; if that fails, reinstall nvidia-driver-580-open or newer.",
    12: "Install the driver: sudo apt-get install nvidia-driver-580-open, then reboot.",
    18: "Reboot: the driver was updated, the old kernel module is still loaded.",
}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


@rule(
    "HST-001",
    "NVML does not answer",
    severity=Severity.ERROR,
    subjects=("nvml",),
    source=documented(NVML),
    fix="sudo apt-get install nvidia-driver-580-open, then reboot",
    needs=("nvml",),
)
def nvml_silent(case: Case) -> Iterable[Problem]:
    """NVML is the driver's own library. Where it does not load there is no driver, the module is
    not loaded, or an update left library and module at different versions.
    """
    status = case.facts.nvml if case.facts else None
    if status and status.code != 0:
        yield Problem(
            f"NVML error {status.code}",
            status.message,
            fix=NVML_REMEDY.get(status.code, ""),
        )


@rule(
    "HST-002",
    "Driver too old",
    severity=Severity.ERROR,
    subjects=("driver_version",),
    source=documented(f"{CUDA_COMPATIBILITY}; {IMAGE}"),
    fix="sudo apt-get install nvidia-driver-580-open, then reboot",
    needs=("driver_version",),
)
def driver_too_old(case: Case) -> Iterable[Problem]:
    """The image carries CUDA 13.0, which needs the R580 driver branch or newer. The image's own
    README says 575; that is too low.
    """
    version = str(case.facts.driver_version) if case.facts else ""
    if _numbers(version)[:1] < (DRIVER_BRANCH,):
        yield Problem(version, f"driver {version} is older than R{DRIVER_BRANCH}")


@rule(
    "HST-003",
    "Driver older than the image's CUDA release wants",
    severity=Severity.WARNING,
    subjects=("driver_version",),
    source=documented(f"{CUDA_COMPATIBILITY}; {IMAGE}"),
    fix="sudo apt-get install --only-upgrade nvidia-driver-580-open, then reboot",
    needs=("driver_version",),
    applies=lambda case: case.image is not None,
    holds_for="images whose driver floor is known",
)
def driver_below_floor(case: Case) -> Iterable[Problem]:
    """Early R580 drivers predate the CUDA 13.0.1 in the image; minor version compatibility usually
    carries it, PTX that is compiled at run time is not covered.
    """
    version = str(case.facts.driver_version) if case.facts else ""
    floor = case.image.driver_min if case.image else ""
    if (DRIVER_BRANCH,) <= _numbers(version) < _numbers(floor):
        yield Problem(version, f"the image wants {floor} or newer")


@rule(
    "HST-004",
    "CUDA of the driver too old",
    severity=Severity.ERROR,
    subjects=("cuda_driver_version",),
    source=documented(CUDA_COMPATIBILITY),
    fix="sudo apt-get install nvidia-driver-580-open, then reboot",
    needs=("cuda_driver_version",),
)
def cuda_too_old(case: Case) -> Iterable[Problem]:
    """The driver announces the newest CUDA it serves. Below 13.0 the image's CUDA 13 fails with
    error 804 or 222.
    """
    version = case.facts.cuda_driver_version if case.facts else None
    if version is not None and version < CUDA_13:
        yield Problem(_cuda(version), f"the driver serves CUDA {_cuda(version)}, 13.0 is needed")


@rule(
    "HST-005",
    "CUDA of the driver newer than the image",
    severity=Severity.WARNING,
    subjects=("cuda_driver_version",),
    source=reported(f"{IMAGE}: CUDA error 803"),
    fix="--set container.tmpfs./usr/local/cuda-13.0/compat=true",
    needs=("cuda_driver_version",),
    applies=lambda case: (
        case.image is not None and "/usr/local/cuda-13.0/compat" not in case.spec.tmpfs
    ),
    holds_for="images that carry a CUDA 13.0 compatibility library",
)
def cuda_newer(case: Case) -> Iterable[Problem]:
    """The image holds a compatibility libcuda of 13.0. With a newer driver it can shadow the
    host's own and give CUDA error 803; an empty tmpfs over its folder hides it.
    """
    version = case.facts.cuda_driver_version if case.facts else None
    if version is not None and version >= CUDA_NEWER_THAN_IMAGE:
        yield Problem(_cuda(version), "CUDA error 803 is possible; hide the image's compat folder")


def _cuda(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


@rule(
    "HST-006",
    "Port in use",
    severity=Severity.ERROR,
    subjects=("--port",),
    source=documented("bind(2), https://man7.org/linux/man-pages/man2/bind.2.html"),
    fix="--set server.port=5001",
    needs=("ports",),
)
def port_in_use(case: Case) -> Iterable[Problem | Unknown]:
    """The server binds its port last, after the weights and the graphs: a taken port costs the
    whole boot.
    """
    port = case.spec.port
    use = (case.facts.ports or {}).get(port) if case.facts else None
    if use is None:
        yield Unknown(f"port {port} was not looked at on this host")
    elif not use.free:
        holder = f" by {use.holder}" if use.holder else ""
        yield Problem(
            str(port),
            f"port {port} is in use{holder}",
            fix=f"Stop what holds it, or take another: --set server.port={port + 1}",
        )
