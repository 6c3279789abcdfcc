"""Remembers validated profiles in the user's cache folder: validating takes most of a render."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

# A profile's validated form is about 3 KB; more files than this are swept away.
MAX_FILES = 256


class CacheFolder:
    """`$XDG_CACHE_HOME/glm-deploy/profiles`: losing it costs a moment, so errors are no errors."""

    def __init__(self) -> None:
        root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        self.path = Path(root).expanduser() / "glm-deploy" / "profiles"

    def get(self, key: str) -> str | None:
        """What was put under `key`, or `None`."""
        try:
            return (self.path / f"{key}.json").read_text("utf-8") or None
        except (OSError, UnicodeDecodeError):
            return None

    def put(self, key: str, text: str) -> None:
        """Remember `text` under `key`, in one step."""
        # Only a miss writes, and tempfile takes long to import.
        import tempfile

        with contextlib.suppress(OSError):
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sweep()
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=self.path, prefix=".", delete=False
            ) as handle:
                handle.write(text)
            Path(handle.name).replace(self.path / f"{key}.json")

    def _sweep(self) -> None:
        files = sorted(self.path.iterdir(), key=lambda file: file.stat().st_mtime)
        for file in files[:-MAX_FILES]:
            file.unlink(missing_ok=True)
