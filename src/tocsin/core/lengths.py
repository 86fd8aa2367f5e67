"""Lengths of time as a plan writes them: 90s, 5m, 2h, 1d, 1w."""

from __future__ import annotations

import re
from datetime import timedelta

_LENGTH = re.compile(r"(\d{1,6})(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration_of(text: str) -> timedelta | None:
    """The length of time that the text names; None when it is none."""
    match = _LENGTH.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def span(length: timedelta) -> str:
    """A length of time in the plan's letters: `15m`, `1h30m`, `0m`."""
    seconds = int(length.total_seconds())
    parts = []
    for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        if seconds >= unit:
            parts.append(f"{seconds // unit}{letter}")
            seconds %= unit
    return "".join(parts) or "0m"
