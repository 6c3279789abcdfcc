"""The NVML stand: GPU hosts of any kind on a machine without a GPU."""

from __future__ import annotations

import shutil

import pytest
from testbench import parts
from testbench.nvml.stand import NvmlStand


@pytest.fixture(scope="session")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> NvmlStand:
    """Probes the hosts that testbench.nvml.rigs describes."""
    compiler = shutil.which("cc") is not None
    parts.requires("a C compiler called cc", "apt-get install gcc libc6-dev", present=compiler)
    return NvmlStand(tmp_path_factory.mktemp("nvml"))
