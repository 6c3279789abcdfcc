"""The command line of one SGLang release: its options, read from that release's own parser."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from glm_deploy.sglang import releases
from glm_deploy.sglang.option import ArgvRefused, Option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from glm_deploy.sglang.argv import Reading

# Beside the table of releases lies a file for each parser that is none of them.
DIRECTORY = releases.TABLE.parent

# Below this a suggestion is noise: `--enable-pcie-oneshot-allreduce`, which only patched images
# know, must not be taken for a slip of the hand.
NEAR = 0.82


class UnknownCatalogue(KeyError):  # noqa: N818  # a KeyError by nature, named for what is asked
    """No catalogue has this name; the message lists those there are."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Every option of one release; `version` and `source` say which parser was read, and how.

    `versions` is what is installed beside sglang, known only where an image or a venv was captured.
    """

    name: str
    engine: str
    version: str
    source: str
    options: tuple[Option, ...]
    by_flag: dict[str, Option]
    versions: Mapping[str, Any] = field(default_factory=dict)

    def find(self, flag: str) -> Option | None:
        """The option that has exactly this option string, aliases included, or `None`."""
        return self.by_flag.get(flag)

    def canonical(self, flag: str) -> str | None:
        """The long name of an option string (the longest of its aliases), or `None`.

        `--tp-size` is `--tensor-parallel-size` in every release, whichever comes first there. The
        negative of a switch (`--no-…`) stays itself: it means the opposite.
        """
        option = self.by_flag.get(flag)
        if option is None:
            return None
        negative = flag.startswith("--no-")
        return max((f for f in option.flags if f.startswith("--no-") == negative), key=len)

    def parse(self, argv: Sequence[str]) -> dict[str, Any]:
        """Every value by `dest`, as the engine's own parser would give it.

        Raises ArgvRefused with argparse's message when the engine would refuse the command. Does
        not read the file that `--config` names.
        """
        # Building a parser of 350 options takes longer than most commands need it.
        from glm_deploy.sglang.parser import parse

        return parse(self.options, argv)

    def refusal(self, argv: Sequence[str]) -> str | None:
        """The message with which the engine's parser would refuse the command, or `None`.

        Says what `parse` would, sooner: where every flag is written out in full, options that
        are neither given nor required have no say, and no parser is built for them.
        """
        from glm_deploy.sglang.parser import parse

        written = {given.written for given in self.read(argv).given}
        known = written <= self.by_flag.keys()
        options = tuple(o for o in self.options if o.required or written.intersection(o.flags))
        try:
            parse(options if known else self.options, argv)
        except ArgvRefused as refused:
            return str(refused)
        return None

    def read(self, argv: Sequence[str]) -> Reading:
        """Any argv as flags and values, without judging it and without argparse."""
        from glm_deploy.sglang.argv import read

        return read(self.by_flag, self.canonical, argv)

    def nearest(self, word: str) -> list[str]:
        """Option strings that `word` may have been meant as, closest first; often none."""
        from difflib import get_close_matches

        return get_close_matches(word.partition("=")[0], self.by_flag, n=3, cutoff=NEAR)


@cache
def names() -> tuple[str, ...]:
    """The names of the catalogues in this package: releases from the oldest on, then the others."""
    files = {path.stem for path in DIRECTORY.glob("*.json")} - {releases.TABLE.stem}
    return (*releases.versions(), *sorted(files))


@cache
def load(name: str) -> Catalogue:
    """Return the catalogue of that name; raises UnknownCatalogue."""
    if name in releases.versions():
        data = {"version": name, "source": releases.source(name)}
        return from_data({"name": name, "engine": "sglang", **data}, releases.entries(name))
    if name not in names():
        raise UnknownCatalogue(f"no flag catalogue named {name!r}; there are {', '.join(names())}")
    return from_json((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))


def from_json(text: str) -> Catalogue:
    """Return the catalogue that extract.py printed.

    Raises:
        ValueError: the text is no such thing.
    """
    try:
        data = json.loads(text)
        return from_data(data, data.pop("options"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no catalogue: {type(error).__name__}: {error}") from None


def from_data(head: Mapping[str, Any], entries: Sequence[dict[str, Any]]) -> Catalogue:
    """Return the catalogue of these entries; `head` holds its name, engine, version and source."""
    options = tuple(_option(entry) for entry in entries)
    return Catalogue(**head, options=options, by_flag={f: o for o in options for f in o.flags})


def _option(entry: dict[str, Any]) -> Option:
    entry["flags"] = tuple(entry["flags"])
    if entry.get("action") == "store_true":
        entry.setdefault("default", False)
    if "choices" in entry:
        entry["choices"] = tuple(entry["choices"])
    return Option(**entry)
