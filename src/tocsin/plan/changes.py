"""Sentences about what two mappings, values or lists have not in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from tocsin.core.aloud import all_of
from tocsin.core.policy import Target
from tocsin.plan.sentences import spelled

_T = TypeVar("_T")

NONE = "nothing"
"""What stands where nothing is said."""


def named(
    what: str,
    before: Mapping[Any, _T],
    after: Mapping[Any, _T],
    changes: Callable[[str, _T, _T], Iterable[str]] = lambda name, old, new: (),
) -> Iterator[str]:
    """What is gone, what is new, and what has changed: in the words of `changes`, where it has any."""
    yield from (f"{what} {name} is gone." for name in before if name not in after)
    yield from (f"{what} {name} is new." for name in after if name not in before)
    for name in before:
        if name in after and before[name] != after[name]:
            yield from list(changes(str(name), before[name], after[name])) or [f"{what} {name} has changed."]


def value(what: str, before: object, after: object) -> list[str]:
    """What a single value is, and what it was. `what` holds the verb."""
    return [] if before == after else [f"{what} {after or NONE}, was {before or NONE}."]


def targets(what: str, before: Iterable[Target], after: Iterable[Target], none: str = "nobody") -> list[str]:
    """Who is meant, and who was."""
    old, new = (all_of(map(spelled, one)) if one else none for one in (before, after))
    return value(what, old, new)


def lines(gone: str, new: str, before: Iterable[str], after: Iterable[str]) -> Iterator[str]:
    """Which lines are gone, and which are new: behind the words for either."""
    was, now = list(before), list(after)
    yield from (f"{gone} {line}" for line in was if line not in now)
    yield from (f"{new} {line}" for line in now if line not in was)
