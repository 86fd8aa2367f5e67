"""Who is on call: turns, hand-overs at the wall clock, and the odd hours that zones make."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core.rota_by_hand import ZONES as ALL_ZONES
from tests.core.rota_by_hand import clock_changes
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Layer, Rota, Unit, on_call, wall_clock
from tocsin.core.oncall.roster import rosters

ZONES = ("Europe/London", "America/Chicago", "Australia/Lord_Howe", "Pacific/Apia")
THREE = ("ana", "ben", "chloe")


def rota(starts: str, zone: str = "UTC", days: int = 7, people: tuple[str, ...] = THREE) -> Rota:
    """A rota of one layer, whose turns are weeks or days."""
    shift, unit = (days // 7, Unit.WEEKS) if days % 7 == 0 else (days, Unit.DAYS)
    first = datetime.fromisoformat(starts)
    return Rota(RotaId("primary"), (Layer(tuple(map(PersonId, people)), first, zone, shift, unit),))


def who(one: Rota, at: datetime) -> str | None:
    """The person on call in a rota of one seat."""
    seats = on_call({one.id: one}, one.id, at)
    assert len(seats) <= 1
    return seats[0].person if seats else None


def handover(one: Rota, turn: int) -> datetime:
    """When a turn of the rota's only layer begins."""
    return rosters(one)[0].handover(turn)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("at", "person"),
    [
        ("2026-01-05 09:00", "ana"),
        ("2026-01-12 08:59:59.999999", "ana"),
        ("2026-01-12 09:00", "ben"),
        ("2026-01-19 09:00", "chloe"),
        ("2026-01-26 09:00", "ana"),
        ("2036-01-07 08:59", "chloe"),
        ("2036-01-07 09:00", "ana"),
    ],
)
def test_people_take_turns(at: str, person: str) -> None:
    assert who(rota("2026-01-05 09:00"), utc(at)) == person


def test_nobody_is_on_call_before_the_rota_begins() -> None:
    assert who(rota("2026-01-05 09:00"), utc("2026-01-05 08:59:59.999999")) is None
    assert who(rota("2026-01-05 09:00"), utc("1999-01-01 00:00")) is None


def test_nobody_is_on_call_in_a_rota_without_people() -> None:
    assert who(rota("2026-01-05 09:00", people=()), utc("2026-02-01 00:00")) is None


def test_one_person_alone_is_always_on_call() -> None:
    alone = rota("2026-01-05 09:00", people=("ana",))
    assert {who(alone, utc("2026-01-05 09:00") + timedelta(days=day)) for day in range(400)} == {"ana"}


# The hand-over and the clocks: zone, first hand-over, turn -> the instant.
HANDOVERS = [
    ("London, before the clocks go forward", "Europe/London", "2026-03-22 09:00", 0, "2026-03-22 09:00"),
    ("London, after the clocks went forward", "Europe/London", "2026-03-22 09:00", 1, "2026-03-29 08:00"),
    ("London, after the clocks went back", "Europe/London", "2026-10-19 09:00", 1, "2026-10-26 09:00"),
    ("London, inside the missing hour", "Europe/London", "2026-03-22 01:30", 1, "2026-03-29 01:00"),
    ("London, at the start of the missing hour", "Europe/London", "2026-03-22 01:00", 1, "2026-03-29 01:00"),
    ("London, at the end of the missing hour", "Europe/London", "2026-03-22 02:00", 1, "2026-03-29 01:00"),
    ("London, inside the repeated hour", "Europe/London", "2026-10-18 01:30", 1, "2026-10-25 00:30"),
    ("Chicago, after the clocks went forward", "America/Chicago", "2026-03-02 09:00", 1, "2026-03-09 14:00"),
    ("Chicago, inside the missing hour", "America/Chicago", "2026-03-01 02:15", 1, "2026-03-08 08:00"),
    ("Chicago, inside the repeated hour", "America/Chicago", "2026-10-25 01:59", 1, "2026-11-01 06:59"),
    ("Lord Howe, before half an hour goes", "Australia/Lord_Howe", "2026-09-27 09:00", 0, "2026-09-26 22:30"),
    ("Lord Howe, after half an hour went", "Australia/Lord_Howe", "2026-09-27 09:00", 1, "2026-10-03 22:00"),
    ("Lord Howe, inside the missing half", "Australia/Lord_Howe", "2026-09-27 02:10", 1, "2026-10-03 15:30"),
    ("Lord Howe, inside the repeated half", "Australia/Lord_Howe", "2026-03-29 01:45", 1, "2026-04-04 14:45"),
    (
        "Apia, the day before the one that was skipped",
        "Pacific/Apia",
        "2011-12-29 09:00",
        0,
        "2011-12-29 19:00",
    ),
    ("Apia, inside the day that was skipped", "Pacific/Apia", "2011-12-23 09:00", 1, "2011-12-30 10:00"),
    ("Apia, the day after", "Pacific/Apia", "2011-12-24 09:00", 1, "2011-12-30 19:00"),
]


@pytest.mark.parametrize(
    ("zone", "starts", "turn", "at"), [row[1:] for row in HANDOVERS], ids=[row[0] for row in HANDOVERS]
)
def test_a_hand_over_is_at_the_wall_clock(zone: str, starts: str, turn: int, at: str) -> None:
    weekly = rota(starts, zone)
    assert handover(weekly, turn) == utc(at)
    before = who(weekly, utc(at) - timedelta(microseconds=1))
    assert before == (weekly.people[turn - 1] if turn else None)
    assert who(weekly, utc(at)) == weekly.people[turn]


def test_the_hour_that_happens_twice_has_one_hand_over() -> None:
    daily = rota("2026-10-24 01:30", "Europe/London", days=1)
    times = [utc("2026-10-24 23:00") + timedelta(minutes=minute) for minute in range(0, 180, 10)]
    assert [who(daily, at) for at in times] == ["ana"] * 9 + ["ben"] * 9


def test_in_the_skipped_day_somebody_keeps_the_turn_that_was_left() -> None:
    daily = rota("2011-12-28 09:00", "Pacific/Apia", days=1)
    table = {
        local(at, "Pacific/Apia"): who(daily, at)
        for at in (utc("2011-12-28 19:00") + timedelta(hours=hour) for hour in range(0, 60, 5))
    }
    assert table["2011-12-28 09:00"] == "ana"
    assert table["2011-12-29 10:00"] == "ben"
    assert table["2011-12-31 06:00"] == "chloe"  # the turn of the 30th begins where the 30th would have been
    assert table["2011-12-31 11:00"] == "ana"


def _first_valid(wall: datetime, zone: ZoneInfo) -> datetime:
    """The same rule in other words: walk until the wall clock shows the time, or is past it."""
    at = wall.replace(tzinfo=UTC) - timedelta(hours=16)
    for stride in (timedelta(hours=1), timedelta(minutes=1)):
        while (at + stride).astimezone(zone).replace(tzinfo=None) < wall:
            at += stride
    return at + timedelta(minutes=1)


WALLS = st.datetimes(datetime(2007, 1, 1), datetime(2037, 1, 1)).map(  # noqa: DTZ001  # wall-clock times
    lambda at: at.replace(second=0, microsecond=0, fold=0)
)


@settings(max_examples=200, deadline=None)
@given(WALLS, st.sampled_from(ZONES))
@example(datetime(2011, 12, 30, 9), "Pacific/Apia")  # noqa: DTZ001
@example(datetime(2026, 10, 4, 2, 29), "Australia/Lord_Howe")  # noqa: DTZ001
@example(datetime(2026, 3, 29, 1, 0), "Europe/London")  # noqa: DTZ001
def test_a_wall_clock_time_is_its_first_instant_or_the_end_of_the_gap(wall: datetime, zone: str) -> None:
    at = wall_clock(wall, ZoneInfo(zone))
    assert at == _first_valid(wall, ZoneInfo(zone))


@settings(max_examples=300, deadline=None)
@given(
    WALLS,
    st.sampled_from(ZONES),
    st.sampled_from([(1, Unit.DAYS), (2, Unit.DAYS), (1, Unit.WEEKS), (2, Unit.WEEKS), (8, Unit.HOURS)]),
    st.integers(1, 4),
    st.datetimes(datetime(2006, 1, 1), datetime(2038, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_instant_since_the_start_has_exactly_one_person(
    starts: datetime, zone: str, shift: tuple[int, Unit], size: int, at: datetime
) -> None:
    people = tuple(PersonId(f"p{number}") for number in range(size))
    one = Rota(RotaId("r"), (Layer(people, starts, zone, *shift),))
    length = timedelta(days=1) if shift[1] is Unit.DAYS else timedelta(hours=1)
    length *= shift[0] * (168 if shift[1] is Unit.WEEKS else 1)
    # A slow answer that shares no arithmetic: count the hand-overs that lie behind.
    turns = (at.replace(tzinfo=None) - starts) // length
    around = range(max(turns + 5, 0), max(turns - 9, -1), -1)
    turn = next((turn for turn in around if handover(one, turn) <= at), None)
    if turn is None:
        assert at < handover(one, 0)
        assert who(one, at) is None
    else:
        assert handover(one, turn) <= at < handover(one, turn + 1)
        assert who(one, at) == one.people[turn % size]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("time", ["09:00", "01:30", "02:15"])
def test_over_years_hand_overs_stand_at_their_wall_clock_time(zone: str, time: str) -> None:
    weekly = rota(f"2011-01-02 {time}", zone)
    for turn in range(52 * 16):
        at = handover(weekly, turn)
        assert who(weekly, at) == weekly.people[turn % 3]
        if turn:
            assert who(weekly, at - timedelta(microseconds=1)) == weekly.people[(turn - 1) % 3]
        if not local(at, zone).endswith(time):
            # Only where the clock never showed that time: it jumped from before it to after it.
            day = f"{datetime.fromisoformat(f'2011-01-02 {time}') + timedelta(weeks=turn):%Y-%m-%d %H:%M}"
            assert local(at - timedelta(minutes=1), zone) < day < local(at, zone)


def test_every_change_of_every_clock_until_2037_is_met() -> None:
    seen = 0
    for name, at, before, after in clock_changes(*ALL_ZONES):
        zone = ZoneInfo(name)
        seen += 1
        old, new = (at + before).replace(tzinfo=None), (at + after).replace(tzinfo=None)
        half = abs(new - old) / 2
        minute = timedelta(minutes=1)
        if new > old:  # the clocks went forward: what was skipped begins where the gap ends
            walls = {
                old - minute: at - minute,
                old: at,
                old + half: at,
                new: at,
                new + minute: at + minute,
            }
        else:  # back: what happens twice counts the first time
            walls = {
                new: at - 2 * half,
                new + half: at - half,
                old - minute: at - minute,
                old: at + 2 * half,
            }
        for wall, instant in walls.items():
            assert wall_clock(wall, zone) == instant, (name, wall)
    assert seen > 5_000


PRINT = """
from datetime import datetime, UTC, timedelta
from tocsin.core.oncall import Layer, Rota, Unit, on_call
for zone in ("Europe/London", "Pacific/Apia"):
    rota = Rota("r", (Layer(("ana", "ben", "chloe"), datetime(2011, 12, 1, 9), zone, 1, Unit.DAYS),))
    start = datetime(2011, 12, 28, tzinfo=UTC)
    print(*(on_call({"r": rota}, "r", start + timedelta(hours=hour))[0].person for hour in range(96)))
"""


def test_the_zone_of_the_machine_does_not_matter() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={**os.environ, "TZ": zone},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for zone in ("UTC", "Asia/Seoul", "Pacific/Apia")
    }
    assert len(answers) == 1
    assert "chloe" in answers.pop()
