"""What is special about some paths in a profile; known without loading the schema."""

from __future__ import annotations

# Maps whose keys the operator chooses: what follows them in a dotted path is one key.
FREE_MAPS = (
    ("env",),
    ("engine", "extra_args"),
    ("container", "volumes"),
    ("container", "tmpfs"),
)

# Maps that are values, not sections, besides the free ones.
VALUE_MAPS = (("engine", "model_loader_extra_config"), ("container", "ulimits"))

_TEXT_PATHS = {
    ("hardware", "compute_capability"),
    ("model", "revision"),
    ("image", "engine", "version"),
    ("image", "engine", "parser"),
    ("image", "engine", "releases", "0"),
    ("image", "engine", "releases", "1"),
}


def is_text(path: tuple[str, ...]) -> bool:
    """Whether the value at `path` is text as written, whatever YAML would make of it."""
    return path[:1] == ("env",) or path[:2] == ("container", "devices") or path in _TEXT_PATHS
