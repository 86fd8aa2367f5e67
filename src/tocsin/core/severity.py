"""From what a source says to the plan's level, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin.core.model import Signal
from tocsin.core.policy import Level, Policy


@dataclass(frozen=True, slots=True)
class Judgement:
    """A level and why."""

    level: Level
    reason: str


FIELDS = ("severity", "source", "component", "group", "class")
"""What a classification may look at."""


def facts(signal: Signal) -> tuple[str, ...]:
    """What a classification sees of a signal, in the order of FIELDS."""
    return signal.severity, signal.source, signal.component, signal.group, signal.event_class


def judge(policy: Policy, signal: Signal) -> Judgement:
    """The worst level that any row of the plan's table gives this signal.

    A signal that no row matches is in doubt, and doubt goes up: it gets the worst level.
    """
    found = dict(zip(FIELDS, facts(signal), strict=True))
    matches = [
        Judgement(policy.level(row.level), "the plan says so for " + _words(row.when))
        for row in policy.classifications
        if all(found[name] == wanted for name, wanted in row.when.items())
    ]
    if not matches:
        return Judgement(policy.levels[0], "no row of the plan matches it, and doubt goes up")
    return min(matches, key=lambda judgement: judgement.level.rank)


def _words(when: Mapping[str, str]) -> str:
    return " and ".join(f"{name} {value}" for name, value in when.items()) or "every alert"
