"""Times and lengths as people read them, in the reader's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.recorded import with_times

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Moment:
    """An instant, ready to show. `iso` is for machines, `clock` for a glance, `utc` to compare with logs.

    `dated` always says the day, with its name: for what is planned.
    """

    iso: str
    clock: str
    dated: str
    exact: str
    utc: str
    age: str
    countdown: str


@dataclass(frozen=True)
class Reader:
    """Whose wall clock times are written for, and what time it is now."""

    zone: str
    now: datetime

    def moment(self, at: datetime) -> Moment:
        """`at` as this reader sees it now."""
        local, today = at.astimezone(ZoneInfo(self.zone)), self.now.astimezone(ZoneInfo(self.zone))
        month = "%b" if local.year == today.year else "%b %Y"
        day = "" if local.date() == today.date() else f"{local.day} {local:{month}} "
        utc = at.astimezone(UTC)
        return Moment(
            iso=f"{utc:%Y-%m-%dT%H:%M:%SZ}",
            clock=f"{day}{local:%H:%M}",
            dated=f"{local:%a} {local.day} {local:{month}} {local:%H:%M}",
            exact=f"{day}{local:%H:%M:%S}",
            utc=f"{utc:%Y-%m-%d %H:%M:%S} UTC",
            age=_age(self.now - at),
            countdown=countdown(at - self.now),
        )


def retold(words: str, reader: Reader) -> str:
    """Words of ours that were kept, with the times in them as a reader's clock shows them."""
    return with_times(words, lambda at: reader.moment(at).clock)


def length(span: timedelta) -> str:
    """A length of time in words: its largest unit and, where it matters, the next one."""
    seconds = max(0, int(span.total_seconds()))
    for unit, word, part, part_word in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min")):
        if seconds >= unit:
            rest = seconds % unit // part
            return f"{seconds // unit} {word} {rest} {part_word}" if rest else f"{seconds // unit} {word}"
    return f"{seconds // MINUTE} min" if seconds >= MINUTE else f"{seconds} s"


def countdown(left: timedelta) -> str:
    """What is left, to the second; the browser ticks on from it (`ticking.js` writes the same)."""
    seconds = int(left.total_seconds())
    late, seconds = ("late ", -seconds) if seconds < 0 else ("", seconds)
    if seconds >= DAY:
        return late + length(timedelta(seconds=seconds))
    hours, rest = divmod(seconds, HOUR)
    minutes, seconds = divmod(rest, MINUTE)
    return late + (f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}")


def _age(span: timedelta) -> str:
    # Below a minute the words would change while one reads them.
    return "just now" if span < timedelta(minutes=1) else f"{length(span)} ago"
