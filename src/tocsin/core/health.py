"""What a check found, and how a list of them reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How it stands, the best first."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: how it stands, a sentence about it, and what to do, if anything."""

    name: str
    standing: Standing
    sentence: str
    remedy: str = ""


def exit_code(checks: Iterable[Check]) -> int:
    """0 when all is well, 1 with a warning, 2 when something is bad."""
    return max((_ORDER.index(one.standing) for one in checks), default=0)


def as_text(checks: Sequence[Check]) -> list[str]:
    """A line for each check, and one more for each remedy."""
    width = max((len(one.name) for one in checks), default=0)
    lines = []
    for one in checks:
        lines.append(f"{one.standing:<4}  {one.name:<{width}}  {one.sentence}")
        if one.remedy:
            lines.append(f"{'':<4}  {'':<{width}}  Remedy: {one.remedy}")
    return lines


def as_data(checks: Iterable[Check]) -> list[dict[str, str]]:
    """The same for programs."""
    return [
        {"name": one.name, "standing": one.standing.value, "sentence": one.sentence, "remedy": one.remedy}
        for one in checks
    ]


_ORDER = tuple(Standing)
