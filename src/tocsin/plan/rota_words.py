"""A rota in words, for `plan show` and `plan diff`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from tocsin.core.aloud import all_of
from tocsin.core.oncall import Hours, Layer, Rota, Unit

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS = {Unit.HOURS: "hour", Unit.DAYS: "day", Unit.WEEKS: "week"}
_DAY = timedelta(days=1)


def rota_lines(rota: Rota) -> Iterator[str]:
    """Its layers, the first before the next, and what it follows."""
    for layer in rota.layers:
        yield (f"{layer.name}: " if layer.name else "") + _layer(layer)
    if rota.follows is not None:
        turns = "turn" if rota.ahead == 1 else "turns"
        yield f"whoever has {rota.follows} {rota.ahead} {turns} later"


def _layer(layer: Layer) -> str:
    text = all_of(layer.people)
    if len(layer.people) > layer.seats:
        unit = _UNITS[layer.unit] + ("s" if layer.shift > 1 else "")
        together = f", {layer.seats} at a time" if layer.seats > 1 else ""
        text += f" take turns of {layer.shift} {unit}{together}, from {layer.starts:%a %Y-%m-%d %H:%M}"
    served = [*map(_hours, layer.hours), *(["on " + all_of(_dates(layer.dates))] if layer.dates else [])]
    where = f" ({layer.zone})" if served or len(layer.people) > layer.seats else ""
    return ", ".join((text, *served)) + where


def _hours(hours: Hours) -> str:
    """The hours as the plan spells them."""
    times = (
        ""
        if (hours.begins, hours.ends) == (timedelta(0), _DAY)
        else f"{_time(hours.begins)}-{_time(hours.ends)}"
    )
    days = "" if len(hours.days) == 7 and times else _week(hours.days)
    return " ".join(one for one in (days, times) if one)


def _week(days: frozenset[int]) -> str:
    """`Mon-Fri`: the days of a piece of the week stand one after the other, perhaps over its end."""
    first = next((day for day in sorted(days) if (day - 1) % 7 not in days), 0)
    last = (first + len(days) - 1) % 7
    return _DAYS[first] if first == last else f"{_DAYS[first]}-{_DAYS[last]}"


def _time(time: timedelta) -> str:
    minutes = int(time.total_seconds()) // 60
    if minutes > 24 * 60:
        minutes -= 24 * 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _dates(dates: tuple[date, ...]) -> Iterator[str]:
    """The dates, those in a row as `2026-12-24 to 2026-12-26`."""
    rows: list[list[date]] = []
    for day in dates:
        if rows and rows[-1][-1] + _DAY == day:
            rows[-1].append(day)
        else:
            rows.append([day])
    for row in rows:
        yield f"{row[0]}" if len(row) == 1 else f"{row[0]} to {row[-1]}"
