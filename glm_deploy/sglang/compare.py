"""What changes between two catalogues: what is gone and its successor, defaults, choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from glm_deploy.sglang import releases
from glm_deploy.sglang.catalogue import load
from glm_deploy.sglang.renames import known_successor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from glm_deploy.sglang.catalogue import Catalogue
    from glm_deploy.sglang.option import Option

Kind = Literal[
    "removed", "renamed", "refused", "deprecated", "choices", "values", "default", "added"
]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one option string.

    `before` and `after` are defaults (`default`), the choices that vanished and those that came
    (`choices`), or the form of a value (`values`). `successor` is what to write instead, `source`
    how that is known.
    """

    kind: Kind
    flag: str
    before: Any = None
    after: Any = None
    successor: str | None = None
    source: str | None = None


def compare(old: Catalogue, new: Catalogue) -> list[Change]:
    """Every change from `old` to `new`, in the order of the old parser; what is new comes last."""
    changes = [change for flag in old.by_flag for change in _of_flag(old, new, flag)]
    added = (flag for flag in new.by_flag if flag not in old.by_flag)
    return [*changes, *(Change("added", flag) for flag in added)]


def _of_flag(old: Catalogue, new: Catalogue, flag: str) -> Iterator[Change]:
    before, after = old.by_flag[flag], new.find(flag)
    if after is None:
        successor, source = find_successor(old, new, flag)
        yield Change("renamed" if successor else "removed", flag, None, None, successor, source)
        return
    if after.refuses and not before.refuses:
        yield Change("refused", flag, None, after.refuses, after.successor, _parser_of(new))
    elif after.deprecated and not before.deprecated:
        yield Change("deprecated", flag, None, None, after.successor, _parser_of(new))
    if flag != old.canonical(flag):
        return
    if _form(before) != _form(after):
        yield Change("values", flag, _form(before), _form(after))
    if before.choices is not None and after.choices is not None:
        gone = [c for c in before.choices if c not in after.choices]
        came = [c for c in after.choices if c not in before.choices]
        if gone or came:
            yield Change("choices", flag, gone, came)
    if before.shown_default != after.shown_default and not after.deprecated:
        yield Change("default", flag, before.shown_default, after.shown_default)


def find_successor(old: Catalogue, new: Catalogue, flag: str) -> tuple[str | None, str | None]:
    """What `new` has instead of a flag that only `old` has, and how that is known.

    Another spelling of the same option; what a parser of the releases from the old one on told
    people to write; the flag that now sets the same value; or what is on record.
    """
    option = old.by_flag[flag]
    for other in option.flags:
        if other in new.by_flag and other.startswith("--no-") == flag.startswith("--no-"):
            return new.canonical(other), _parser_of(new)
    told = False
    for catalogue in (old, *_between(old, new)):
        found = catalogue.find(flag)
        if found and found.successor:
            told = True
            if _takes(new, found.successor):
                return found.successor, _parser_of(catalogue)
    same = None if told else next(_setting(new, option.dest), None)
    return (same, _parser_of(new)) if same else known_successor(flag, new.by_flag)


def _setting(catalogue: Catalogue, dest: str) -> Iterator[str]:
    return (max(o.flags, key=len) for o in catalogue.options if o.dest == dest)


def _between(old: Catalogue, new: Catalogue) -> Iterator[Catalogue]:
    """The releases between the two, in either direction; a fork is taken for the oldest."""
    versions = [catalogue.version for catalogue in (old, new)]
    ends = sorted(releases.order(v) if v[:1].isdigit() else () for v in versions)
    for version in releases.versions():
        if ends[0] < releases.order(version) < ends[1]:
            yield load(version)


def _takes(catalogue: Catalogue, successor: str) -> bool:
    """Whether it knows a successor such as `--x`, `--x=value`, `--x <n>` or `--x-{a,b}=value`."""
    name, _, value = successor.replace("{decode,prefill}", "decode").partition("=")
    option = catalogue.find(name.split(" ")[0])
    return option is not None and (not value or not option.choices or value in option.choices)


def _parser_of(catalogue: Catalogue) -> str:
    return f"the parser of {catalogue.engine} {catalogue.version}"


def _form(option: Option) -> str:
    """How values are written: `none`, or a type and how many."""
    if option.takes_no_value or option.action == "BooleanOptionalAction":
        return "none"
    count = f" x {option.nargs}" if option.nargs is not None else ""
    return f"{option.type or 'str'}{count}"


def touching(changes: Iterable[Change], given: dict[str, tuple[str, ...]]) -> list[Change]:
    """The changes that a command feels: of flags it gives, and of defaults it relies on.

    `given` is the command's flags with their values, by any spelling. Choices count when the
    command uses one that vanished, defaults when it leaves the flag out.
    """
    return [change for change in changes if _touches(change, given)]


def _touches(change: Change, given: dict[str, tuple[str, ...]]) -> bool:
    if change.kind == "default":
        return change.flag not in given
    if change.flag not in given or change.kind == "added":
        return False
    if change.kind == "choices":
        return bool({str(choice) for choice in change.before}.intersection(given[change.flag]))
    return True
