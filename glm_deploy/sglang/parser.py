"""Builds from a catalogue the argparse parser that the release itself would build."""

from __future__ import annotations

import argparse
import json
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NoReturn

from glm_deploy.sglang.option import ArgvRefused, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What SGLang calls its parser, whether started as a module or as `sglang serve`
# (prepare_server_args in sglang/srt/server_args.py, 0.5.10 to 0.5.23).
PROG = "sglang serve"

# Columns: argparse's own choice where no terminal says otherwise, as in a container.
USAGE_WIDTH = 78

_STANDARD_ACTIONS = {
    *("store", "store_true", "store_false", "store_const"),
    *("append", "append_const", "extend", "count"),
}


class _HelpWanted(Exception):  # noqa: N818  # no error
    """`-h` was met: the engine would print its help and exit."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgvRefused(message)

    def print_help(self, file: Any = None) -> None:
        raise _HelpWanted


class _Custom(argparse.Action):
    """Stands for an action of SGLang's own: does what extract.py saw it do."""

    def __init__(self, *args: Any, option: Option, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.option = option

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if self.option.refuses is not None:
            raise ArgvRefused(self.option.refuses)
        if self.option.action == "LoRAPathAction":
            values = [_lora_path(value) for value in values]
        elif self.option.const is not None:
            values = self.option.const
        elif self.option.takes_no_value:
            return
        setattr(namespace, self.dest, values)


def parse(options: tuple[Option, ...], argv: Sequence[str]) -> dict[str, Any]:
    """Every value by `dest`; raises ArgvRefused with argparse's own message."""
    try:
        namespace = vars(_parser(options).parse_args(list(argv)))
        _check_log_level(namespace)
    except _HelpWanted:
        raise ArgvRefused("asks for help: the engine would print it and exit") from None
    except (AssertionError, AttributeError, ValueError, RecursionError) as surprise:
        # Some actions of SGLang's own raise where argparse does not expect it.
        raise ArgvRefused(f"{type(surprise).__name__}: {surprise}") from surprise
    return namespace


def _check_log_level(namespace: dict[str, Any]) -> None:
    """SGLang looks the name up in the module `logging` before it does anything else."""
    level = namespace.get("log_level")
    if not isinstance(level, str):
        return
    import logging

    if level.upper() not in logging.getLevelNamesMapping():
        raise AttributeError(f"module 'logging' has no attribute {level.upper()!r}")


def usage(options: tuple[Option, ...]) -> str:
    """The usage text that argparse prints above an error; ends in a line break."""
    return _parser(options).format_usage()


@cache
def _parser(options: tuple[Option, ...]) -> argparse.ArgumentParser:
    # With its width given, argparse does not ask for the terminal's once per option.
    parser = _Parser(prog=PROG, formatter_class=partial(argparse.HelpFormatter, width=USAGE_WIDTH))
    for option in options:
        _add(parser, option)
    return parser


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    flags = list(option.flags)
    keywords: dict[str, Any] = {"dest": option.dest}
    if option.required:
        keywords["required"] = True
    if option.hidden:
        keywords["help"] = argparse.SUPPRESS
    if option.action == "BooleanOptionalAction":
        # It makes the --no- forms itself.
        flags = [flag for flag in flags if not flag.startswith("--no-")]
        parser.add_argument(
            *flags, action=argparse.BooleanOptionalAction, default=option.default, **keywords
        )
        return
    if option.action in _STANDARD_ACTIONS:
        keywords["action"] = option.action
    else:
        keywords.update(action=_Custom, option=option)
    if not option.takes_no_value:
        keywords.update(type=_conversion(option), choices=option.choices)
    if option.nargs is not None:
        keywords["nargs"] = option.nargs
    if option.const is not None and option.action in _STANDARD_ACTIONS:
        keywords["const"] = option.const
    if option.default is not None or option.action == "store_true":
        keywords["default"] = option.default
    parser.add_argument(*flags, **keywords)


def _conversion(option: Option) -> Callable[[str], Any]:
    """What turns the text of a value into the value; a type we do not know lets every text pass."""
    if option.keys is not None:
        return partial(_json_by_phase, option)
    return _TYPES.get(option.type or "", str)


def _lora_path(text: str) -> Any:
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return text
    adapter = json.loads(text)
    if not {"lora_path", "lora_name"} <= set(adapter):
        raise AssertionError(f"{text!r} must have the keys 'lora_name' and 'lora_path'")
    return adapter


# The conversions carry SGLang's names, because argparse puts a type's name into its message.

_SI = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_IEC = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def nullable_str(text: str) -> str | None:
    """Text; `None` for an empty one and for the word None."""
    return text if text and text != "None" else None


def human_readable_int(text: str) -> int:
    """An integer with an optional suffix: 1k is 1000, 1Ki is 1024; decimals before SI only."""
    from decimal import Decimal

    text = text.strip()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)", text)
    try:
        if not match:
            return int(text)
        number, suffix = match.groups()
        return int(number) * _IEC[suffix] if suffix in _IEC else int(Decimal(number) * _SI[suffix])
    except ValueError:
        raise argparse.ArgumentTypeError(f"Invalid integer value: {text!r}") from None


def json_list_type(text: str) -> Any:
    """JSON of any kind, as SGLang does it in spite of the name."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise argparse.ArgumentTypeError(
            f"Invalid JSON list: {text}. Please provide a valid JSON list."
        ) from None


def _json_by_phase(option: Option, text: str) -> dict[str, Any]:
    """A JSON object of settings by phase, with the keys that the option allows in each."""
    flag = option.flags[0]
    try:
        phases = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{flag} must be JSON: {error}") from None
    if not isinstance(phases, dict):
        raise argparse.ArgumentTypeError(
            f"{flag} must be a JSON object, got {type(phases).__name__}"
        )
    for phase, settings in phases.items():
        _check_phase(option, phase, settings)
    return phases


def _check_phase(option: Option, phase: str, settings: Any) -> None:
    allowed = (option.keys or {}).get(phase)
    if allowed is None:
        known = list(option.keys or {})
        raise argparse.ArgumentTypeError(
            f"{option.flags[0]}: unknown phase '{phase}', expected one of {known}"
        )
    where = f"{option.flags[0]}['{phase}']"
    if not isinstance(settings, dict):
        raise argparse.ArgumentTypeError(
            f"{where} must be a JSON object, got {type(settings).__name__}"
        )
    if settings.get("backend") in option.retired:
        raise argparse.ArgumentTypeError(f"{where}: the backend {settings['backend']} was removed")
    unknown = [key for key in settings if key not in allowed]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{where}: unknown key '{unknown[0]}', expected one of {list(allowed)}"
        )


_TYPES: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "loads": json.loads,
    "nullable_str": nullable_str,
    "human_readable_int": human_readable_int,
    "json_list_type": json_list_type,
}
