"""A sample of the proof of hand-overs; `make proof` takes every change of every clock until 2037."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from tests.core.clock_proof import check
from tests.core.rota_by_hand import ZONES, clock_changes

SAMPLE = 60


def test_around_clock_changes_the_resolver_and_the_rota_by_hand_agree() -> None:
    chance = random.Random(4)
    sample = [list(clock_changes(zone)) for zone in chance.sample(ZONES, 2 * SAMPLE)]
    changed = [one for one in sample if one]
    assert len(changed) > SAMPLE / 2
    for changes in changed:
        check(*chance.choice(changes))


def test_apia_has_a_day_that_never_was() -> None:
    skipped = datetime(2011, 12, 30, 10, tzinfo=UTC)
    check("Pacific/Apia", skipped, timedelta(hours=-10), timedelta(hours=14))


def test_lord_howe_moves_by_half_an_hour() -> None:
    halves = list(clock_changes("Australia/Lord_Howe"))
    assert {abs(after - before) for _, _, before, after in halves} == {timedelta(minutes=30)}
    for change in halves:
        check(*change)
