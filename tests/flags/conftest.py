"""Captures of these tests go to a data directory of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from testbench.parts import requires, succeeds

if TYPE_CHECKING:
    from pathlib import Path

SGLANG_IMAGE = "glm-deploy-sglang:0.5.23"  # as in tests/testbench/sglang-image.sh


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that captures go to."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "glm-deploy" / "catalogues"


@pytest.fixture(scope="session")
def sglang_image(docker_host: str) -> str:
    """Name of an image on the test engine that contains sglang 0.5.23."""
    held = succeeds(["docker", "-H", docker_host, "image", "inspect", SGLANG_IMAGE])
    requires(f"the image {SGLANG_IMAGE}", "tests/testbench/sglang-image.sh", present=held)
    return SGLANG_IMAGE


@pytest.fixture
def on_test_engine(docker_host: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The Docker that commands reach in this test."""
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    return docker_host
