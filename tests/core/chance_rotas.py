"""Rotas by chance, as odd as the plan lets them be, and people who stand in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.core.rota_by_hand import Change, by_hand
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Hours, Layer, Override, Rota, Unit, on_call, turns

PEOPLE = tuple(map(PersonId, ("ana", "ben", "chloe", "dara", "eli")))
PRIMARY, SECONDARY = RotaId("primary"), RotaId("secondary")
FIVE_MINUTES = timedelta(minutes=5)
DAY = 24 * 12
"""A day in steps of five minutes: by hand, nothing happens between two of them."""


def chance_rotas(
    chance: random.Random, around: datetime, zones: Sequence[str]
) -> tuple[dict[RotaId, Rota], list[Override]]:
    """A rota, one that follows it, and who stands in, all near a moment."""

    def near(before: int, after: int) -> datetime:
        return around + chance.randrange(-before * DAY, after * DAY) * FIVE_MINUTES

    def hours() -> Hours:
        begins = chance.randrange(DAY) * FIVE_MINUTES
        days = frozenset(chance.sample(range(7), chance.randint(1, 7)))
        return Hours(days, begins, begins + chance.randint(1, DAY) * FIVE_MINUTES)

    def layer() -> Layer:
        unit = chance.choice(list(Unit))
        listed = {near(40, 120).date() for _ in range(15)} if chance.random() < 0.3 else set()
        return Layer(
            tuple(chance.sample(PEOPLE, chance.randint(1, 5))),
            near(40, 20).replace(tzinfo=None),
            chance.choice(zones),
            chance.randint(1, 36 if unit is Unit.HOURS else 3),
            unit,
            chance.choice((1, 1, 2, 3)),
            tuple(hours() for _ in range(chance.choice((0, 0, 1, 2)))),
            tuple(sorted(listed)),
        )

    primary = Rota(PRIMARY, tuple(layer() for _ in range(chance.randint(1, 4))))
    own = (layer(),) if chance.random() < 0.3 else ()
    follower = Rota(SECONDARY, own, PRIMARY, chance.randint(1, 3))
    overrides = []
    for number in range(chance.randint(0, 6)):
        since = near(10, 60)
        until = since + chance.randint(1, 14 * DAY) * FIVE_MINUTES
        rota, replaces = chance.choice((PRIMARY, SECONDARY)), chance.choice((None, *PEOPLE))
        gone = chance.random() < 0.2
        person = chance.choice(PEOPLE)
        overrides.append(Override(number, rota, person, since, until, replaces, out_of_reach=gone))
    return {PRIMARY: primary, SECONDARY: follower}, overrides


def compare(chance: random.Random, change: Change) -> int:
    """Hold rotas by chance around a change of clocks against those by hand; returns how many instants."""
    zone, at, _, _ = change
    around = at - timedelta(minutes=at.minute % 5)
    rotas, overrides = chance_rotas(chance, around, (zone, zone, "UTC", "Australia/Lord_Howe"))
    since, until = around - timedelta(days=4), around + timedelta(days=10)
    compared = 0
    for rota in rotas:
        listed = list(turns(rotas, rota, since, until, overrides))
        ends = [one.until for one in listed]
        assert [since, *ends] == [*(one.since for one in listed), until], (change, "turns leave no gap")
        edges = [one.since for one in listed[1:]]
        instants = [*edges, *(one - timedelta(microseconds=1) for one in edges)]
        instants = chance.sample(instants, min(10, len(instants)))
        instants += (around + chance.randrange(-DAY // 8, DAY) * FIVE_MINUTES for _ in range(10))
        for instant in instants:
            people = [seat.person for seat in on_call(rotas, rota, instant, overrides)]
            assert people == by_hand(rotas, rota, instant, overrides), (change, rotas, overrides, instant)
            turn = next(one for one in listed if one.since <= instant < one.until)
            assert people == [seat.person for seat in turn.seats], (change, rotas, overrides, instant)
            compared += 1
    return compared
