"""Who is on call, worked out a second time by somebody with a wall clock, a calendar and patience.

Nothing is shared with the resolver but the rota itself. The clock on this wall follows its zone and is never
turned back: what it shows is the latest time that the zone's clocks have shown so far. So a time that is
skipped has come once the clock shows a later one, a time that comes twice has come the first time, and all
the rest is counting on a calendar without zones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Layer, Override, Rota, Unit

STEP = timedelta(minutes=5)
DAY = timedelta(days=1)


def shows(at: datetime, zone: ZoneInfo) -> datetime:
    """What the zone's clocks show."""
    return at.astimezone(zone).replace(tzinfo=None)


def shown_so_far(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock that is never turned back shows."""
    now = shows(at, zone)
    if shows(at - 2 * DAY, zone) == now - 2 * DAY:
        return now
    # Clocks change on whole five minutes, and so do rotas here.
    whole = at.replace(second=0, microsecond=0) - timedelta(minutes=at.minute % 5)
    return max(now, *(shows(whole - number * STEP, zone) for number in range(2 * 24 * 12)))


def by_hand(
    rotas: Mapping[RotaId, Rota],
    id: RotaId,
    at: datetime,
    overrides: Sequence[Override] = (),
    clock: Callable[[datetime, ZoneInfo], datetime] = shown_so_far,
) -> list[PersonId]:
    """Who is on call, seat after seat."""
    seats: list[list[PersonId | None]] = [
        [person] for person in _people(rotas, id, lambda zone: clock(at, ZoneInfo(zone)), 0)
    ]
    gone: list[tuple[int, list[PersonId | None]]] = []
    for one in overrides:
        if one.rota == id and one.since <= at < one.until:
            taken = [seat for seat in seats if one.replaces is None or one.replaces in (seat[0], seat[-1])]
            if taken:
                taken[0].append(one.person)
                gone += [(len(taken[0]) - 1, taken[0])] if one.out_of_reach else []
            elif one.replaces is None:
                seats.append([None, one.person])
                gone += [(1, seats[-1])] if one.out_of_reach else []
    # Whoever is out of reach has left the seat to whoever had it before.
    for place, seat in reversed(gone):
        del seat[place]
    return list(dict.fromkeys(seat[-1] for seat in seats if seat[-1] is not None))


def _people(
    rotas: Mapping[RotaId, Rota], id: RotaId, clock: Callable[[str], datetime], ahead: int
) -> list[PersonId]:
    rota = rotas[id]
    above: set[date] = set()
    for layer in rota.layers:
        turn = turn_by_hand(layer, clock(layer.zone), above)
        if turn is not None:
            queue = deque(layer.people)
            queue.rotate(-layer.seats * (turn + ahead))
            return list(queue)[: layer.seats]
        above |= set(layer.dates)
    return _people(rotas, rota.follows, clock, ahead + rota.ahead) if rota.follows else []


def turn_by_hand(layer: Layer, clock: datetime, above: Iterable[date] = ()) -> int | None:
    """The number of the turn when that clock shows this; None when the layer does not serve."""
    if clock < layer.starts or not _serves(layer, clock):
        return None
    if layer.unit is not Unit.DAYS:
        return (clock - layer.starts) // timedelta(
            hours=layer.shift * (168 if layer.unit is Unit.WEEKS else 1)
        )
    days = 0
    hand_over = layer.starts
    while hand_over <= clock:
        days += _listed(layer, hand_over.date()) and hand_over.date() not in above
        hand_over += DAY
    return max(0, days - 1) // layer.shift


def _serves(layer: Layer, clock: datetime) -> bool:
    if not layer.hours:
        return _listed(layer, clock.date())
    midnight = clock.replace(hour=0, minute=0, second=0, microsecond=0)
    return any(
        (not layer.dates or (midnight - back * DAY).date() in layer.dates)
        and (midnight - back * DAY).weekday() in hours.days
        and hours.begins <= clock - midnight + back * DAY < hours.ends
        for hours in layer.hours
        for back in (0, 1)
    )


def _listed(layer: Layer, day: date) -> bool:
    """Whether the layer serves on a date, so that it counts."""
    weekdays = {one for hours in layer.hours for one in hours.days} if layer.hours else range(7)
    return day.weekday() in weekdays and (not layer.dates or day in layer.dates)


Change = tuple[str, datetime, timedelta, timedelta]
"""A zone, the instant its clocks change, and how far they are from UTC before and after."""

ZONES = sorted(available_timezones())


def clock_changes(*zones: str) -> Iterator[Change]:
    """Every change of these zones' clocks from 2020 to 2037."""
    for name in zones:
        zone = ZoneInfo(name)
        at, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
        while at < end:
            after = at + timedelta(days=14)  # the shortest summer time, around Ramadan, is longer
            if offset(at, zone) != offset(after, zone):
                low, high = at, after
                while high - low > timedelta(seconds=1):
                    middle = (low + (high - low) / 2).replace(microsecond=0)
                    low, high = (low, middle) if offset(middle, zone) != offset(low, zone) else (middle, high)
                yield name, high, offset(low, zone), offset(high, zone)
            at = after


def offset(at: datetime, zone: ZoneInfo) -> timedelta:
    """How far the zone is from UTC."""
    found = at.astimezone(zone).utcoffset()
    assert found is not None
    return found
