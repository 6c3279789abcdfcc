"""The shipped table of releases says what the parsers of those releases say when asked again."""

from __future__ import annotations

import json

import pytest
from testbench.sglang_releases import extract

from glm_deploy.sglang import releases


@pytest.mark.parametrize("version", ["0.5.4", "0.5.10.post1", "0.5.18", "0.5.23"])
def test_the_shipped_catalogue_is_what_the_release_says(version: str) -> None:
    rebuilt = json.loads(extract(version))
    assert rebuilt["options"] == releases.entries(version)
    assert (rebuilt["version"], rebuilt["source"]) == (version, releases.source(version))
