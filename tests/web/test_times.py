"""Times and lengths as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.web.times import Reader, countdown, length

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)

LENGTHS = [
    (0, "0 s"),
    (59, "59 s"),
    (60, "1 min"),
    (119, "1 min"),
    (3_600, "1 h"),
    (3_900, "1 h 5 min"),
    (86_400, "1 d"),
    (100_000, "1 d 3 h"),
    (-5, "0 s"),
]
COUNTDOWNS = [
    (0, "0:00"),
    (9, "0:09"),
    (272, "4:32"),
    (3_599, "59:59"),
    (3_600, "1:00:00"),
    (86_399, "23:59:59"),
    (172_800, "2 d"),
    (-1, "late 0:01"),
    (-3_700, "late 1:01:40"),
    (-90_000, "late 1 d 1 h"),
]


@pytest.mark.parametrize(("seconds", "words"), LENGTHS)
def test_a_length_has_at_most_two_units(seconds: int, words: str) -> None:
    assert length(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(("seconds", "words"), COUNTDOWNS)
def test_a_countdown_goes_to_the_second_and_says_when_it_is_late(seconds: int, words: str) -> None:
    assert countdown(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("zone", "at", "clock"),
    [
        ("UTC", NOW, "03:00"),
        ("Asia/Tokyo", NOW, "12:00"),
        ("America/New_York", NOW, "22:00"),
        ("UTC", NOW - timedelta(days=1), "22 Nov 03:00"),
        ("UTC", NOW.replace(year=2025), "23 Nov 2025 03:00"),
        # 03:00 UTC is the 22nd in New York: the reader's own day counts, not UTC's.
        ("America/New_York", NOW + timedelta(hours=3), "23 Nov 01:00"),
        # The clocks of Lisbon went back at 01:00 UTC on 25 October.
        ("Europe/Lisbon", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "25 Oct 01:30"),
        ("Europe/Lisbon", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "25 Oct 01:30"),
    ],
)
def test_a_moment_is_told_by_the_readers_own_clock(zone: str, at: datetime, clock: str) -> None:
    moment = Reader(zone, NOW).moment(at)
    assert moment.clock == clock
    assert moment.utc == f"{at:%Y-%m-%d %H:%M:%S} UTC"
    assert moment.iso == f"{at:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(("seconds", "age"), [(0, "just now"), (59, "just now"), (60, "1 min ago")])
def test_an_age_does_not_flicker(seconds: int, age: str) -> None:
    assert Reader("UTC", NOW).moment(NOW - timedelta(seconds=seconds)).age == age
