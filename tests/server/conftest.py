"""The simulator that tests share when they only ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from counterparts import simulator, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.server.client import Client


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a healthy simulator that serves NAME."""
    with simulator(tmp_path_factory.mktemp("server")) as ready:
        until(lambda: ready.health() == 200)
        yield ready
