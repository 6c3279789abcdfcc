"""Fixtures for the real parts of tests/testbench. Where one is absent, its tests are skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from testbench import parts
from testbench.sglang_releases import RealParser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def docker_host() -> str:
    """DOCKER_HOST of an engine that accepts GPU requests, without any GPU."""
    return parts.engine_host("gpu")


@pytest.fixture(scope="session")
def docker_host_without_gpu_hook() -> str:
    """DOCKER_HOST of an engine that refuses GPU requests: `could not select device driver`."""
    return parts.engine_host("plain")


@pytest.fixture(scope="session")
def base_image(docker_host: str) -> str:
    """Name of a Debian image with python3, held by both engines."""
    return parts.base_image_on(docker_host)


@pytest.fixture(scope="session")
def compose() -> parts.Compose:
    """Docker Compose v2, as argv and environment."""
    return parts.find_compose()


@pytest.fixture(scope="session")
def real_parser() -> Iterator[Callable[[str], RealParser]]:
    """Factory: sglang version -> its real parser, whose process lasts for the session."""
    started: dict[str, RealParser] = {}

    def parser_of(version: str) -> RealParser:
        if version not in started:
            started[version] = RealParser(version)
        return started[version]

    yield parser_of
    for parser in started.values():
        parser.close()
