"""Reads the server's API key from the engine configuration file that holds it."""

from __future__ import annotations

import re
from pathlib import Path

from glm_deploy.errors import UsageError
from glm_deploy.profile.yaml_tree import read_yaml


def read_api_key(path: str) -> str:
    """The value of `api-key` in an engine configuration file.

    Raises:
        UsageError: the file cannot be read, or holds no key.
    """
    remedy = "It must be a YAML file with the line `api-key: ...`, readable by you."
    try:
        text = Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the API key file {path} cannot be read: {error}", remedy=remedy
        ) from None
    data = read_yaml(text, path, lambda _: True).data
    key = data.get("api-key", data.get("api_key")) if isinstance(data, dict) else None
    if not isinstance(key, str | int) or not key:
        raise UsageError(f"the API key file {path} holds no api-key", remedy=remedy)
    # It travels in an HTTP header (RFC 9110, 5.5).
    if not re.fullmatch(r"[!-~]+", str(key)):
        raise UsageError(
            f"the api-key in {path} has characters that no HTTP header can carry",
            remedy="Use letters, digits and punctuation of ASCII, without spaces.",
        )
    return str(key)
