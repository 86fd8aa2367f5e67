"""What is known of an incident beside its course, and the conditions that must hold for a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.core.facts import Fact, FactKind, FactValue
from tocsin.core.incident.events.facts import (
    FactsSet,
    ThresholdCrossed,
    ThresholdEvent,
    ThresholdHeld,
    ThresholdLeft,
)
from tocsin.core.model import Actor, Deadline, FactId
from tocsin.core.policy import Policy
from tocsin.core.values import value_of

SERVICES_FAILING = FactId("services_failing")
_BY_TRIAGE = {SERVICES_FAILING: Fact(SERVICES_FAILING, FactKind.NUMBER)}


@dataclass(frozen=True)
class Said:
    """A fact's value in words, when it was said, and by whom."""

    value: str
    at: datetime
    by: Actor


@dataclass(frozen=True)
class Threshold:
    """Since when a condition holds that must hold for a time, and whether that time is over."""

    since: datetime
    held: bool = False


Facts = Mapping[FactId, Said]
Thresholds = Mapping[str, Threshold]


def said_after(facts: Facts, event: FactsSet, at: datetime, by: Actor) -> Facts:
    """The facts with what was said now; an empty value takes one back."""
    now = {**facts, **{id: Said(value, at, by) for id, value in event.values}}
    return {id: said for id, said in now.items() if said.value}


def thresholds_after(thresholds: Thresholds, event: ThresholdEvent, at: datetime) -> Thresholds:
    """The thresholds after one was crossed, held for its time, or left."""
    match event:
        case ThresholdCrossed(threshold):
            return {**thresholds, threshold: Threshold(at)}
        case ThresholdHeld(threshold):
            return {**thresholds, threshold: replace(thresholds[threshold], held=True)}
        case ThresholdLeft(threshold):
            return {name: one for name, one in thresholds.items() if name != threshold}


def texts(facts: Facts) -> dict[FactId, str]:
    """What is known, in words."""
    return {id: said.value for id, said in facts.items()}


def values(said: Mapping[FactId, str], policy: Policy) -> dict[FactId, FactValue]:
    """What was said, as values. What the plan does not know, or knows otherwise by now, is left out."""
    found: dict[FactId, FactValue] = {}
    for id, text in said.items():
        fact = policy.facts.get(id) or _BY_TRIAGE.get(id)
        value = value_of(fact, text) if fact else None
        if value is not None:
            found[id] = value
    return found


def waiting(thresholds: Thresholds, policy: Policy) -> Iterator[Deadline]:
    """When each condition will have held for as long as the plan wants."""
    if not thresholds:
        return
    for row in {row.threshold: row for row in policy.classifications}.values():
        one = thresholds.get(row.threshold)
        if one is not None and not one.held:
            promise = f"judge again, if still {row.condition.text if row.condition else ''}"
            yield Deadline(f"threshold:{row.threshold}", promise, one.since + row.lasts)
