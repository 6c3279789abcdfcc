"""What the shipped profiles render to, whole; `make golden` rewrites the files."""

from __future__ import annotations

import pytest
from golden import FOLDER, rendered

RENDERED = rendered()


@pytest.mark.parametrize("name", RENDERED)
def test_a_profile_renders_to_its_golden_file(name: str) -> None:
    assert RENDERED[name] == (FOLDER / name).read_text("utf-8")


def test_there_is_no_golden_file_of_anything_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(RENDERED)
