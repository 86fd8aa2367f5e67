"""The `calendar` of a plan: what is done again and again."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from tocsin.core.policy import Duty
from tocsin.plan.document import Document, Value
from tocsin.plan.shape import DATE, INTERVAL, TEXT, Key, Table

DUTY = Table(
    "duty",
    {
        "every": Key(INTERVAL, "how often, such as `3 months`", required=True),
        "for": Key(TEXT, "what it is for, such as training", required=True),
        "starts": Key(DATE, "from when it is counted", "`reviewed` of [about](#about)"),
    },
)

_UNITS = ("day", "week", "month", "year")
_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def read_calendar(document: Document, value: Value | None, reviewed: date | None) -> tuple[Duty, ...]:
    """The duties; those that say no start are counted from the plan's last review."""
    duties = []
    for name, entry in document.named(value).items():
        parts = document.table(entry, DUTY)
        count, unit = read_interval(document, parts["every"]) if "every" in parts else (1, "year")
        starts = document.date(parts.get("starts")) or reviewed
        if parts and starts is None and "starts" not in parts:
            message = "Nobody can tell from when this is counted."
            document.fault(entry, message, "Add `starts` here, or `reviewed` to `about`.")
        purpose = document.text(parts.get("for"))
        duties.append(Duty(name, count or 1, unit or "year", purpose, starts or date(2026, 1, 5)))
    return tuple(duties)


def read_interval(document: Document, value: Value) -> tuple[int, str]:
    """A number and a unit, such as 3 months; (0, "") after noting the problem."""
    count, _, unit = document.text(value, "none").partition(" ")
    unit = unit.removesuffix("s")
    if not count.isascii() or not count.isdigit() or not 0 < int(count[:9]) < 1000 or unit not in _UNITS:
        message = "How often is expected here."
        document.fault(value, message, "Write it like 2 weeks, 3 months or 1 year.")
        return 0, ""
    return int(count), unit


def add(start: date, count: int, unit: str) -> date:
    """That many units later; the last day of a month that is too short."""
    if unit in _DAYS:
        return start + timedelta(days=_DAYS[unit] * count)
    months = start.year * 12 + start.month - 1 + _MONTHS[unit] * count
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))
