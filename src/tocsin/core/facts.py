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


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the plan. `values` are the choices, the lowest first.

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
