"""A layer's arithmetic: when it serves, whose turn it is, when the next begins."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tocsin.core.model import PersonId
from tocsin.core.oncall.rota import DAY, WHOLE_DAYS, Layer, Rota, Unit
from tocsin.core.oncall.wall import wall_clock

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)

_AROUND = 2
"""Days before and after a date on which hours may begin that hold at it, zone changes included."""
_AHEAD = 9
"""Days in which every weekly hour comes once, and once more where a zone change swallowed it."""
_LENGTH = {Unit.HOURS: timedelta(hours=1), Unit.DAYS: DAY, Unit.WEEKS: timedelta(weeks=1)}


@dataclass(frozen=True)
class Roster:
    """A layer in its place. `skipped` are the dates since `starts` that would count but for the layers above.

    With `dates` of its own, `counted` are those that count. Both stand in order.
    """

    layer: Layer
    zone: ZoneInfo
    begins: datetime
    weekdays: frozenset[int]
    skipped: tuple[date, ...]
    counted: tuple[date, ...]

    def serves(self, at: datetime) -> tuple[bool, datetime]:
        """Whether the layer serves at `at`, and the next instant at which that may change."""
        if at < self.begins:
            return False, self.begins
        if not self.layer.hours and not self.layer.dates:
            return True, FOREVER
        today = at.astimezone(self.zone).date()
        upcoming = FOREVER
        for day in self._days(today):
            if upcoming != FOREVER and day > today + _AROUND * DAY:
                return False, upcoming
            for begins, ends in self.stretches(day):
                if begins <= at < ends:
                    return True, ends
                if at < begins < ends:
                    upcoming = min(upcoming, begins)
        if upcoming == FOREVER and not self.layer.dates:
            # Hours that zone changes swallowed twice in a row: look again from there.
            upcoming = at + _AROUND * DAY
        return False, upcoming

    def _days(self, today: date) -> Iterable[date]:
        if self.layer.dates:
            return self.layer.dates[bisect_left(self.layer.dates, today - _AROUND * DAY) :]
        return (today + number * DAY for number in range(-_AROUND, _AHEAD))

    def stretches(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """From when to when the layer serves by hours that begin on this date."""
        midnight = datetime.combine(day, time())
        for hours in self.layer.hours or (WHOLE_DAYS,):
            if day.weekday() in hours.days:
                yield (
                    wall_clock(midnight + hours.begins, self.zone),
                    wall_clock(midnight + hours.ends, self.zone),
                )

    def turn(self, at: datetime) -> int:
        """The number of the turn at `at`, from 0; the layer must have begun."""
        wall = at.astimezone(self.zone).replace(tzinfo=None)
        if self.layer.unit is Unit.DAYS:
            turn = max(0, self._counted_before(wall.date() + DAY) - 1) // self.layer.shift
        else:
            turn = max(0, (wall - self.layer.starts) // (self.layer.shift * _LENGTH[self.layer.unit]))
        # Zone changes move a hand-over by a day at most, so the neighbour turns settle it.
        while self.handover(turn + 1) <= at:
            turn += 1
        while turn and self.handover(turn) > at:
            turn -= 1
        return turn

    def handover(self, turn: int) -> datetime:
        """The instant at which this turn begins; turn 0 begins at `starts`."""
        wall = self.handover_wall(turn)
        return wall_clock(wall, self.zone) if wall else FOREVER

    def handover_wall(self, turn: int) -> datetime | None:
        """The wall-clock time of a hand-over; None when the layer has no dates left for it."""
        layer = self.layer
        if turn == 0 or layer.unit is not Unit.DAYS:
            return layer.starts + turn * layer.shift * _LENGTH[layer.unit]
        day = self._day(turn * layer.shift)
        return datetime.combine(day, layer.starts.time()) if day else None

    def seated(self, turn: int) -> tuple[PersonId, ...]:
        """Who has this turn: the next `seats` of the list after those of the turn before."""
        people = self.layer.people
        seats = min(self.layer.seats, len(people))
        return tuple(people[(turn * self.layer.seats + seat) % len(people)] for seat in range(seats))

    def _counted_before(self, day: date) -> int:
        """How many dates count from the start up to this date, which is left out."""
        if self.layer.dates:
            return bisect_left(self.counted, day)
        first = self.layer.starts.date()
        weeks, rest = divmod((day - first).days, 7)
        count = weeks * len(self.weekdays)
        count += sum((first.weekday() + number) % 7 in self.weekdays for number in range(rest))
        return count - bisect_left(self.skipped, day)

    def _day(self, number: int) -> date | None:
        """The date that counts as this number, from 0."""
        if self.layer.dates:
            return self.counted[number] if number < len(self.counted) else None
        first = self.layer.starts.date()
        most = 7 * ((number + len(self.skipped)) // len(self.weekdays) + 1)
        days = bisect_left(
            range(most), number + 1, key=lambda days: self._counted_before(first + (days + 1) * DAY)
        )
        return first + days * DAY


@lru_cache(maxsize=1024)
def rosters(rota: Rota) -> tuple[Roster, ...]:
    """The layers of a rota that have people, each knowing the dates that those above it take over."""
    found: list[Roster] = []
    taken: set[date] = set()
    for layer in rota.layers:
        if layer.people:
            found.append(_roster(layer, taken))
            taken.update(layer.dates)
    return tuple(found)


def _roster(layer: Layer, taken: set[date]) -> Roster:
    zone = ZoneInfo(layer.zone)
    weekdays = frozenset[int]().union(*(hours.days for hours in layer.hours or (WHOLE_DAYS,)))
    first = layer.starts.date()

    def served(days: Iterable[date]) -> list[date]:
        return sorted(day for day in days if day >= first and day.weekday() in weekdays)

    return Roster(
        layer,
        zone,
        wall_clock(layer.starts, zone),
        weekdays,
        skipped=tuple(served(taken)),
        counted=tuple(served(set(layer.dates) - taken)),
    )
