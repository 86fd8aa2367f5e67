"""Whom a plan means, as it is read aloud: in messages, promises, and in the plan itself."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.core.policy import Target


def all_of(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    *most, end = tuple(words) or ("nobody",)
    return f"{', '.join(most)} {last} {end}" if most else end


def called(targets: Iterable[Target]) -> str:
    """Targets, one or several: `the CTO and whoever is on call as primary`."""
    return all_of(map(_called, targets))


def are(targets: tuple[Target, ...]) -> str:
    """The verb that goes with them."""
    one = len(targets) == 1 and (targets[0].team is None or targets[0].next_of)
    return "is" if one else "are"


def _called(target: Target) -> str:
    if target.team is not None:
        return f"the next of team {target.team}" if target.next_of else f"team {target.team}"
    if target.rota is not None:
        return f"whoever is on call as {target.rota}"
    return f"the {target.role}" if target.role is not None else str(target.person)
