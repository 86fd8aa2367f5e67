"""A sample of the proof of hand-overs; `make proof` takes every change of every clock until 2037."""

from __future__ import annotations

import random
import time
from datetime import UTC, date, datetime, timedelta

from tests.core.chance_rotas import compare
from tests.core.clock_proof import ID, check
from tests.core.rota_by_hand import ZONES, clock_changes
from tocsin.core.model import PersonId
from tocsin.core.oncall import Hours, Layer, Rota, Unit, turns

SAMPLE = 60


def test_around_clock_changes_the_resolver_and_the_rota_by_hand_agree() -> None:
    chance = random.Random(4)
    sample = [list(clock_changes(zone)) for zone in chance.sample(ZONES, 2 * SAMPLE)]
    changed = [one for one in sample if one]
    assert len(changed) > SAMPLE / 2
    for changes in changed:
        check(*chance.choice(changes))


def test_rotas_by_chance_agree_with_those_by_hand_around_clock_changes() -> None:
    chance = random.Random(9)
    sample = [list(clock_changes(zone)) for zone in chance.sample(ZONES, SAMPLE)]
    compared = sum(compare(chance, chance.choice(changes)) for changes in sample if changes)
    assert compared > 500


def test_a_year_of_any_rota_is_listed_within_two_seconds() -> None:
    year = datetime(2026, 2, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    first, people = datetime(2026, 1, 5, 9), tuple(map(PersonId, ("ana", "ben", "chloe")))  # noqa: DTZ001
    office = (Hours(frozenset(range(5)), timedelta(hours=9), timedelta(hours=17)),)
    christmas = (date(2026, 12, 25),)
    layers = [Layer(people, first, "Europe/London", 1, unit) for unit in Unit]
    top = [
        Layer(people, first, "Asia/Seoul", 1, Unit.DAYS, dates=christmas),
        Layer(people, first, "Europe/London", 1, Unit.DAYS, hours=office),
    ]
    for rota in (*(Rota(ID, (one,)) for one in layers), Rota(ID, (*top, layers[0]))):
        began = time.process_time()
        assert len(list(turns({ID: rota}, ID, *year))) > 50
        assert time.process_time() - began < 2


def test_apia_has_a_day_that_never_was() -> None:
    skipped = datetime(2011, 12, 30, 10, tzinfo=UTC)
    check("Pacific/Apia", skipped, timedelta(hours=-10), timedelta(hours=14))


def test_lord_howe_moves_by_half_an_hour() -> None:
    halves = list(clock_changes("Australia/Lord_Howe"))
    assert {abs(after - before) for _, _, before, after in halves} == {timedelta(minutes=30)}
    for change in halves:
        check(*change)
