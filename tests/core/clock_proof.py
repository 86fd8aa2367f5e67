"""The proof of hand-overs around a change of clocks: the resolver against the rota worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.core.rota_by_hand import DAY, STEP, by_hand, shows
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Hours, Layer, Rota, Unit, on_call, turns

ID = RotaId("r")
PEOPLE = tuple(map(PersonId, ("ana", "ben", "chloe", "dara", "eli")))
EVERY_DAY = frozenset(range(7))
BEFORE, AFTER = timedelta(hours=3), timedelta(hours=27)
"""What is looked at of a change: a day and the hours around it, so that the next hand-over is in it."""


def rotas_around(zone: str, at: datetime, before: timedelta, after: timedelta) -> Iterator[tuple[str, Rota]]:
    """Rotas of every kind that change inside the hour that is skipped or comes twice."""
    old, new = (at + before).replace(tzinfo=None), (at + after).replace(tzinfo=None)
    odd = min(old, new) + min(abs(new - old) / 2, timedelta(hours=12))
    odd -= timedelta(minutes=odd.minute % 5)
    midnight = datetime.combine(odd.date(), time())
    length = timedelta(hours=8)

    def rota(start: datetime, shift: int, unit: Unit, *hours: Hours) -> Rota:
        return Rota(ID, (Layer(PEOPLE, start, zone, shift, unit, hours=hours),))

    yield "hourly", rota(odd - 3 * DAY, 1, Unit.HOURS)
    yield "daily", rota(odd - 9 * DAY, 1, Unit.DAYS)
    yield "weekly", rota(odd - 14 * DAY, 1, Unit.WEEKS)
    begins = odd - midnight
    yield "restricted, begins", rota(odd - 9 * DAY, 1, Unit.DAYS, Hours(EVERY_DAY, begins, begins + length))
    begins = (odd - length) - datetime.combine((odd - length).date(), time())
    yield "restricted, ends", rota(odd - 9 * DAY, 2, Unit.DAYS, Hours(EVERY_DAY, begins, begins + length))
    weekdays = Hours(frozenset(range(odd.weekday() + 1)), timedelta(0), DAY)
    yield "restricted to days", rota(odd - 14 * DAY, 1, Unit.DAYS, weekdays)
    holidays = Layer((PEOPLE[0],), midnight - 30 * DAY, zone, dates=((odd - DAY).date(), odd.date()))
    offices = Layer(
        PEOPLE, odd - 9 * DAY, zone, 1, Unit.DAYS, 2, (Hours(EVERY_DAY, begins, begins + length),)
    )
    nights = Layer(PEOPLE, odd - 9 * DAY, zone, 4, Unit.HOURS)
    yield "layered", Rota(ID, (holidays, offices, nights))


def check(zone: str, at: datetime, before: timedelta, after: timedelta) -> int:
    """Hold every rota around one change against the rota by hand; returns how many instants were compared."""
    where = ZoneInfo(zone)
    start = at - BEFORE
    # Casey in Antarctica changes a minute past the hour; everybody else on whole five minutes.
    step = STEP if at.minute % 5 == 0 else STEP / 5
    instants = [start + number * step for number in range((BEFORE + AFTER) // step)]
    clock = max(shows(start - number * STEP, where) for number in range(2 * 24 * 12))
    clocks = {one: (clock := max(clock, shows(one, where))) for one in instants}
    compared = 0
    for kind, rota in rotas_around(zone, at, before, after):
        rotas = {ID: rota}
        listed = list(turns(rotas, ID, instants[0], instants[-1] + step))
        current = 0
        for instant in instants:
            while listed[current].until <= instant:
                current += 1
            expected = by_hand(rotas, ID, instant, clock=lambda at, _: clocks[at])
            got = [seat.person for seat in listed[current].seats]
            assert got == expected, (zone, kind, instant, got, expected)
            compared += 1
        for turn in listed[1:]:
            # A change at any other instant would have passed between two that were compared.
            assert turn.since in instants, (zone, kind, turn)
            assert on_call(rotas, ID, turn.since) == turn.seats, (zone, kind, turn)
    return compared
