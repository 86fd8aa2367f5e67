"""Whom a plan means, as it is read aloud: in messages, promises, and in the plan itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from tocsin.core.model import PersonId
from tocsin.core.policy import Target

Name = Callable[[PersonId], str]
"""What a person is called; without one, by the id that the plan has."""


def all_of(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    *most, end = tuple(words) or ("nobody",)
    return f"{', '.join(most)} {last} {end}" if most else end


def called(targets: Iterable[Target], name: Name = str) -> str:
    """Targets, one or several: `the CTO and whoever is on call as primary`."""
    return all_of(map(partial(_called, name=name), targets))


def are(targets: tuple[Target, ...]) -> str:
    """The verb that goes with them."""
    one = len(targets) == 1 and (targets[0].team is None or targets[0].next_of)
    return "is" if one else "are"


def _called(target: Target, name: Name) -> str:
    if target.team is not None:
        return f"the next of team {target.team}" if target.next_of else f"team {target.team}"
    if target.rota is not None:
        return f"whoever is on call as {target.rota}"
    if target.role is not None:
        return f"the {target.role}"
    # A plan that has problems may be shown too: what nobody can read as a target names nobody.
    return name(target.person) if target.person is not None else "nobody"
