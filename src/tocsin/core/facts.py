"""Facts: what is known of an incident, typed by the plan; and conditions over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from tocsin.core.model import FactId

FactValue = bool | float | timedelta | str
"""Yes or no, a number or percentage, a length of time, a text or choice."""


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
