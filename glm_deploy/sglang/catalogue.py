"""The command line of one SGLang release: its options, read from that release's own parser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_deploy.sglang.option import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glm_deploy.sglang.argv import Reading

DIRECTORY = Path(__file__).parent / "catalogues"

# Below this a suggestion is noise: `--enable-pcie-oneshot-allreduce`, which only patched images
# know, must not be taken for a slip of the hand.
NEAR = 0.82


class UnknownCatalogue(KeyError):  # noqa: N818  # a KeyError by nature, named for what is asked
    """No catalogue has this name; the message lists those there are."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Every option of one release; `version` and `source` say which parser was read, and how."""

    name: str
    engine: str
    version: str
    source: str
    options: tuple[Option, ...]
    by_flag: dict[str, Option]

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
    """The names of the catalogues in this package, sorted."""
    return tuple(sorted(path.stem for path in DIRECTORY.glob("*.json")))


@cache
def load(name: str) -> Catalogue:
    """Return the catalogue of that name; raises UnknownCatalogue."""
    if name not in names():
        raise UnknownCatalogue(f"no flag catalogue named {name!r}; there are {', '.join(names())}")
    data = json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    options = tuple(_option(entry) for entry in data.pop("options"))
    return Catalogue(**data, options=options, by_flag={f: o for o in options for f in o.flags})


def _option(entry: dict[str, Any]) -> Option:
    entry["flags"] = tuple(entry["flags"])
    if "choices" in entry:
        entry["choices"] = tuple(entry["choices"])
    return Option(**entry)
