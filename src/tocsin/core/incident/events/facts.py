"""What can have happened to what is known of an incident."""

from __future__ import annotations

from msgspec import Struct

from tocsin.core.model import FactId


class FactsSet(Struct, frozen=True):
    """What is known from now on, in words; an empty value: not known any more."""

    values: tuple[tuple[FactId, str], ...]


class ThresholdCrossed(Struct, frozen=True):
    """A condition that must hold for a time has come to hold: `error_rate > 20% for 2m`."""

    threshold: str


class ThresholdHeld(Struct, frozen=True):
    """It has held for that time, and counts."""

    threshold: str


class ThresholdLeft(Struct, frozen=True):
    """It holds no more."""

    threshold: str


ThresholdEvent = ThresholdCrossed | ThresholdHeld | ThresholdLeft
FactEvent = FactsSet | ThresholdEvent
