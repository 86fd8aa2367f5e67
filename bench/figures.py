"""A figure with what it should reach, and how it is told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `goal` None: told for comparison. `least`: the goal is the least, else the most.

    `note` says what it was made from: the limit beside it, how many rounds, how much they differ.
    """

    section: str
    name: str
    value: float
    unit: str
    goal: float | None = None
    least: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.least else self.value <= self.goal

    def line(self) -> str:
        """The figure on one line, its verdict at the end."""
        words = f"  {self.name:<44} {_number(self.value)} {self.unit:<9}"
        if self.goal is None:
            verdict = ""
        else:
            verdict = f"{'>=' if self.least else '<='} {_number(self.goal).strip():<7} "
            verdict += "reached" if self.reached else "NOT REACHED"
        return f"{words} {verdict:<21} {self.note}".rstrip()

    def as_json(self) -> dict[str, object]:
        """The figure for programs."""
        return {
            "section": self.section,
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": self.goal,
            "better": "more" if self.least else "less",
            "reached": self.reached,
            "note": self.note,
        }


def quantile(values: Iterable[float], share: float) -> float:
    """The least of the values that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio(ours: Sequence[float], limit: Sequence[float]) -> float:
    """The median over rounds of ours against the limit of that round, so that a noisy minute falls out."""
    return median(mine / other for mine, other in zip(ours, limit, strict=True))


def spread(values: Sequence[float]) -> str:
    """Median, least and most, as in `4,100 (3,900 to 4,300)`."""
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def _number(value: float) -> str:
    return f"{value:>10,.0f}" if abs(value) >= 1_000 else f"{value:>10.3g}"
