"""Launch GLM on SGLang: validated commands, preflight, and a start that is proven or explained."""

__version__ = "0.1.0"
