"""What can have happened to what is known of an incident."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.core.model import FactId


@dataclass(frozen=True)
class FactsSet:
    """What is known from now on, in words; an empty value: not known any more."""

    values: tuple[tuple[FactId, str], ...]


@dataclass(frozen=True)
class ThresholdCrossed:
    """A condition that must hold for a time has come to hold: `error_rate > 20% for 2m`."""

    threshold: str


@dataclass(frozen=True)
class ThresholdHeld:
    """It has held for that time, and counts."""

    threshold: str


@dataclass(frozen=True)
class ThresholdLeft:
    """It holds no more."""

    threshold: str


ThresholdEvent = ThresholdCrossed | ThresholdHeld | ThresholdLeft
FactEvent = FactsSet | ThresholdEvent
