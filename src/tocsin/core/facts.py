"""Facts: what is known of an incident, typed by the plan; and conditions over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from tocsin.core.model import AlertSeverity, FactId, LevelId, ServiceId

FactValue = bool | float | timedelta | str
"""Yes or no, a number or percentage, a length of time, a text or choice."""


STATUSES = ("triggered", "acknowledged", "mitigated", "resolved", "closed", "merged")
"""The choices of the built-in fact `status`."""

UNORDERED = frozenset(map(FactId, ("level", "status", "service")))
"""Built-in choices that no condition may compare as higher or lower."""


class FactKind(StrEnum):
    """What values a fact has, as the plan spells it."""

    NUMBER = "number"
    PERCENT = "percent"
    DURATION = "duration"
    YES_OR_NO = "yes or no"
    TEXT = "text"
    CHOICE = "choice"


class Condition(Protocol):
    """Something that holds or not, by the facts. Written as `text` in the plan; looks at `needs`."""

    @property
    def text(self) -> str: ...

    @property
    def needs(self) -> frozenset[FactId]: ...

    def holds(self, facts: Mapping[FactId, FactValue]) -> bool | None:
        """None when a fact that decides it is not known."""

    def reading(self, facts: Mapping[FactId, FactValue]) -> tuple[object, ...]:
        """What it sees of the facts. While that stays the same so does the answer, whatever else changes."""


@dataclass(frozen=True)
class Fact:
    """One fact of the plan. `values` are the choices, the lowest first; `means` says what each is.

    `ask` is the question that a person answers. `usual` is the value that `usual(fact)` gives a condition.
    `chosen_by` works it out: the highest choice whose condition holds. `highest_of` takes the highest of
    other facts with the same choices.
    """

    id: FactId
    kind: FactKind
    values: tuple[str, ...] = ()
    ask: str = ""
    usual: FactValue | None = None
    chosen_by: tuple[tuple[str, Condition], ...] = ()
    highest_of: tuple[FactId, ...] = ()
    means: tuple[str, ...] = ()

    @property
    def derived(self) -> bool:
        """Whether it is worked out, so that nobody says it."""
        return bool(self.chosen_by or self.highest_of)


def built_in(levels: Iterable[LevelId], services: Iterable[ServiceId]) -> dict[FactId, Fact]:
    """The facts that every incident has without the plan declaring them."""
    choices = {
        "level": tuple(levels),
        "status": STATUSES,
        "service": tuple(services),
        "severity": tuple(AlertSeverity)[::-1],
    }
    kinds = {
        "lasted": FactKind.DURATION,
        "alerts": FactKind.NUMBER,
        "services_failing": FactKind.NUMBER,
        "source": FactKind.TEXT,
        "component": FactKind.TEXT,
        "group": FactKind.TEXT,
        "class": FactKind.TEXT,
    }
    facts = [Fact(FactId(name), FactKind.CHOICE, values) for name, values in choices.items()]
    facts += [Fact(FactId(name), kind) for name, kind in kinds.items()]
    return {fact.id: fact for fact in facts}


def complete(declared: Mapping[FactId, Fact], known: Mapping[FactId, FactValue]) -> dict[FactId, FactValue]:
    """What is known, and what follows from it. `declared` holds a fact after those it is worked out from."""
    found = dict(known)
    for fact in declared.values():
        if fact.derived:
            possible = possible_choices(declared, found, fact.id)
            if len(possible) == 1:
                found[fact.id] = possible[0]
    return found


def possible_choices(
    declared: Mapping[FactId, Fact], known: Mapping[FactId, FactValue], id: FactId
) -> tuple[str, ...]:
    """The choices that a fact may still turn out to have, the lowest first; all, when nothing is known."""
    fact = declared[id]
    if id in known:
        return (str(known[id]),)
    if fact.chosen_by:
        return _chosen(fact, known) or fact.values
    if fact.highest_of:
        each = [possible_choices(declared, known, one) for one in fact.highest_of]
        least = max(fact.values.index(possible[0]) for possible in each)
        return tuple(choice for choice in fact.values[least:] if any(choice in possible for possible in each))
    return fact.values


def _chosen(fact: Fact, known: Mapping[FactId, FactValue]) -> tuple[str, ...]:
    """The highest choice that holds, and those above it that are open still."""
    found: list[str] = []
    for choice, condition in reversed(fact.chosen_by):
        held = condition.holds(known)
        if held is not False:
            found.insert(0, choice)
        if held:
            break
    return tuple(found)
