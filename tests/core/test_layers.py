"""Layers, holidays, seats, rotas that follow, and people who stand in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Hours, Layer, Override, Rota, Unit, findings, load, on_call, turns, whole_turns

PRIMARY, SECONDARY = RotaId("primary"), RotaId("secondary")
MONDAY = datetime(2026, 1, 5, 9)  # noqa: DTZ001  # a wall-clock time
WORKING = frozenset(range(5))
HOUR = timedelta(hours=1)


def names(text: str) -> tuple[PersonId, ...]:
    return tuple(map(PersonId, text.split()))


def hours(begins: int, ends: int, days: frozenset[int] = WORKING) -> Hours:
    return Hours(days, begins * HOUR, ends * HOUR)


def layer(
    people: str,
    shift: str = "1w",
    *served: Hours,
    starts: datetime = MONDAY,
    zone: str = "UTC",
    seats: int = 1,
    dates: str = "",
    name: str = "",
) -> Layer:
    days = tuple(date.fromisoformat(one) for one in dates.split())
    return Layer(names(people), starts, zone, int(shift[:-1]), Unit(shift[-1]), seats, served, days, name)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rotas(*layers: Layer, **more: Rota) -> dict[RotaId, Rota]:
    return {PRIMARY: Rota(PRIMARY, layers), **{RotaId(name): one for name, one in more.items()}}


def who(of: dict[RotaId, Rota], at: str, rota: RotaId = PRIMARY, *overrides: Override) -> str:
    return " ".join(seat.person for seat in on_call(of, rota, utc(at), overrides))


OFFICE = layer("ana ben", "1d", hours(9, 17), name="office")
WEEKDAYS = layer("ana ben chloe", "1d", hours(0, 24), starts=MONDAY.replace(hour=0))
PAIR = rotas(layer("ana ben chloe dara", seats=2))
NIGHTS = layer("ana ben", "1d", hours(22, 30), starts=MONDAY.replace(hour=22))
HOLIDAYS = layer(
    "dara eli", "1d", starts=MONDAY.replace(hour=0), dates="2026-01-07 2026-01-12 2026-01-13", name="holidays"
)
SUN = (
    layer("ana ben", "1w", hours(8, 16), zone="Europe/London", name="london"),
    layer("jun sora", "1w", hours(8, 16), zone="Asia/Seoul", name="seoul"),
    layer("omar", "1w", zone="America/New_York", name="rest"),
)

TABLE = [
    ("office hours, Monday", rotas(OFFICE), "2026-01-05 09:00", "ana"),
    ("office hours, end of the day", rotas(OFFICE), "2026-01-05 17:00", ""),
    ("office hours, Friday is the fifth day", rotas(OFFICE), "2026-01-09 12:00", "ana"),
    ("office hours, nobody on Saturday", rotas(OFFICE), "2026-01-10 12:00", ""),
    ("office hours, the weekend took no turn", rotas(OFFICE), "2026-01-12 12:00", "ben"),
    ("nobody falls through", rotas(OFFICE, layer("dara")), "2026-01-10 12:00", "dara"),
    ("a layer without people falls through", rotas(layer(""), OFFICE), "2026-01-05 09:00", "ana"),
    (
        "a layer that has not begun falls through",
        rotas(layer("zoe", starts=datetime(2027, 1, 1)), OFFICE),  # noqa: DTZ001
        "2026-01-05 09:00",
        "ana",
    ),
    ("before a holiday", rotas(HOLIDAYS, WEEKDAYS), "2026-01-06 12:00", "ben"),
    ("a holiday", rotas(HOLIDAYS, WEEKDAYS), "2026-01-07 12:00", "dara"),
    ("a holiday took no turn", rotas(HOLIDAYS, WEEKDAYS), "2026-01-08 12:00", "chloe"),
    ("the next holiday is the next turn", rotas(HOLIDAYS, WEEKDAYS), "2026-01-12 00:00", "eli"),
    ("a third holiday", rotas(HOLIDAYS, WEEKDAYS), "2026-01-13 23:59", "dara"),
    ("after a weekend and two holidays", rotas(HOLIDAYS, WEEKDAYS), "2026-01-14 00:00", "ben"),
    ("a holiday layer without people takes nothing over",
     rotas(layer("", dates="2026-01-07"), WEEKDAYS), "2026-01-08 12:00", "ana"),
    ("weeks count by the calendar, holidays or not",
     rotas(HOLIDAYS, layer("ana ben")), "2026-01-14 12:00", "ben"),
    ("hours count by the clock, served or not",
     rotas(layer("ana ben chloe", "8h", hours(9, 17))), "2026-01-06 16:00", "ana"),
    ("a night belongs to the evening", rotas(NIGHTS),
     "2026-01-06 05:59", "ana"),
    ("Friday's night ends on Saturday", rotas(NIGHTS),
     "2026-01-10 05:59", "ana"),
    ("no night begins on Saturday", rotas(NIGHTS),
     "2026-01-10 22:00", ""),
    ("a turn of two days", rotas(layer("ana ben", "2d", hours(0, 24))), "2026-01-12 09:00", "ana"),
    ("two days, the second turn", rotas(layer("ana ben", "2d", hours(0, 24))), "2026-01-08 09:00", "ben"),
    ("follow the sun, London", rotas(*SUN), "2026-01-12 10:00", "ben"),
    ("follow the sun, Seoul", rotas(*SUN), "2026-01-13 02:00", "sora"),
    ("follow the sun, the rest", rotas(*SUN), "2026-01-12 20:00", "omar"),
    ("follow the sun, the weekend", rotas(*SUN), "2026-01-17 10:00", "omar"),
    ("two seats", PAIR, "2026-01-05 09:00", "ana ben"),
    ("two seats, next turn", PAIR, "2026-01-12 09:00", "chloe dara"),
    ("two seats of three", rotas(layer("ana ben chloe", seats=2)), "2026-01-12 09:00", "chloe ana"),
    ("more seats than people", rotas(layer("ana ben", seats=3)), "2026-01-12 09:00", "ben ana"),
    ("a rota that is not there", {}, "2026-01-12 09:00", ""),
]  # fmt: skip


@pytest.mark.parametrize(("of", "at", "people"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_who_is_on_call(of: dict[RotaId, Rota], at: str, people: str) -> None:
    assert who(of, at) == people


FOLLOWED = rotas(layer("ana ben chloe"), secondary=Rota(SECONDARY, (), PRIMARY, 1))


def test_a_rota_that_follows_has_the_next_turn_of_the_other() -> None:
    weeks = ["2026-01-05 09:00", "2026-01-12 09:00", "2026-01-19 09:00", "2026-01-26 08:59"]
    assert [who(FOLLOWED, at) for at in weeks] == ["ana", "ben", "chloe", "chloe"]
    assert [who(FOLLOWED, at, SECONDARY) for at in weeks] == ["ben", "chloe", "ana", "ana"]


def test_it_may_follow_further_ahead_and_along_a_chain() -> None:
    third, fourth = RotaId("third"), RotaId("fourth")
    more = {
        **FOLLOWED,
        third: Rota(third, (), PRIMARY, 2),
        fourth: Rota(fourth, (), SECONDARY, 1),
    }
    assert who(more, "2026-01-05 09:00", third) == who(more, "2026-01-05 09:00", fourth) == "chloe"


def test_layers_of_its_own_come_before_what_it_follows() -> None:
    own = Rota(SECONDARY, (layer("eli", dates="2026-01-07"),), PRIMARY, 1)
    of = {**FOLLOWED, SECONDARY: own}
    assert [who(of, at, SECONDARY) for at in ("2026-01-07 12:00", "2026-01-08 12:00")] == ["eli", "ben"]


def test_a_swap_in_the_rota_that_is_followed_does_not_move_the_follower() -> None:
    swap = stand_in("dara", replaces="ana")
    assert who(FOLLOWED, "2026-01-06 09:00", PRIMARY, swap) == "dara"
    assert who(FOLLOWED, "2026-01-06 09:00", SECONDARY, swap) == "ben"


def test_rotas_that_follow_each_other_come_to_nobody() -> None:
    circle = {PRIMARY: Rota(PRIMARY, (), SECONDARY), SECONDARY: Rota(SECONDARY, (), PRIMARY)}
    assert who(circle, "2026-01-12 09:00") == ""
    assert who({PRIMARY: Rota(PRIMARY, (), PRIMARY)}, "2026-01-12 09:00") == ""
    assert who({PRIMARY: Rota(PRIMARY, (), RotaId("gone"))}, "2026-01-12 09:00") == ""


def stand_in(
    person: str,
    since: str = "2026-01-06",
    until: str = "2026-01-07",
    replaces: str | None = None,
    id: int = 1,
    rota: RotaId = PRIMARY,
    *,
    gone: bool = False,
) -> Override:
    instead = PersonId(replaces) if replaces else None
    return Override(id, rota, PersonId(person), utc(since), utc(until), instead, "ana", "dentist", gone)


STAND_INS = [
    ("before it begins", "2026-01-05 23:59:59", [stand_in("eli")], "ana ben"),
    ("the first seat", "2026-01-06 00:00", [stand_in("eli")], "eli ben"),
    ("when it is over", "2026-01-07 00:00", [stand_in("eli")], "ana ben"),
    ("for one of two", "2026-01-06 12:00", [stand_in("eli", replaces="ben")], "ana eli"),
    ("for somebody who is not on call", "2026-01-06 12:00", [stand_in("eli", replaces="dara")], "ana ben"),
    ("for a colleague while on call anyway", "2026-01-06 12:00", [stand_in("ana", replaces="ben")], "ana"),
    ("in another rota", "2026-01-06 12:00", [stand_in("eli", rota=SECONDARY)], "ana ben"),
    (
        "two who claim one seat: the later made counts",
        "2026-01-06 12:00",
        [stand_in("fay", replaces="ana", id=2), stand_in("eli", replaces="ana", id=1)],
        "fay ben",
    ),
    (
        "somebody for whoever stands in",
        "2026-01-06 12:00",
        [stand_in("eli", replaces="ana"), stand_in("fay", replaces="eli", id=2)],
        "fay ben",
    ),
    (
        "both seats",
        "2026-01-06 12:00",
        [stand_in("eli", replaces="ana"), stand_in("fay", replaces="ben", id=2)],
        "eli fay",
    ),
    ("somebody out of reach relieves nobody", "2026-01-06 12:00", [stand_in("eli", gone=True)], "ana ben"),
    (
        "somebody out of reach leaves the seat to who stood in before",
        "2026-01-06 12:00",
        [stand_in("eli", replaces="ana"), stand_in("fay", replaces="ana", id=2, gone=True)],
        "eli ben",
    ),
    (
        "who relieves somebody out of reach is on call",
        "2026-01-06 12:00",
        [stand_in("eli", replaces="ana", gone=True), stand_in("fay", replaces="eli", id=2)],
        "fay ben",
    ),
]


@pytest.mark.parametrize(
    ("at", "overrides", "people"), [row[1:] for row in STAND_INS], ids=[row[0] for row in STAND_INS]
)
def test_who_stands_in(at: str, overrides: list[Override], people: str) -> None:
    assert who(PAIR, at, PRIMARY, *overrides) == people


def test_somebody_can_stand_in_where_nobody_is_on_call() -> None:
    of = rotas(OFFICE)
    assert who(of, "2026-01-06 20:00", PRIMARY, stand_in("eli")) == "eli"
    assert who(of, "2026-01-06 20:00", PRIMARY, stand_in("eli", replaces="ana")) == ""
    assert who(of, "2026-01-06 20:00", PRIMARY, stand_in("eli", gone=True)) == ""


def test_a_seat_says_why() -> None:
    of = rotas(HOLIDAYS, WEEKDAYS, secondary=Rota(SECONDARY, (), PRIMARY))
    override = stand_in("fay")
    whys = [
        on_call(of, PRIMARY, utc("2026-01-06 12:00"))[0].why,
        on_call(of, PRIMARY, utc("2026-01-07 12:00"))[0].why,
        on_call(of, SECONDARY, utc("2026-01-07 12:00"))[0].why,
        on_call(of, PRIMARY, utc("2026-01-06 12:00"), [override])[0].why,
        on_call({}, PRIMARY, utc("2026-01-06 12:00"), [override])[0].why,
        on_call(of, PRIMARY, utc("2026-01-06 12:00"), [stand_in("fay", gone=True)])[0].why,
        on_call(of, PRIMARY, utc("2026-01-06 12:00"), [override, stand_in("eli", id=2, gone=True)])[0].why,
    ]
    assert whys == [
        "on call: primary",
        "on call: primary, layer holidays",
        "on call: secondary, layer holidays",
        "on call: primary, standing in for ben",
        "on call: primary, standing in",
        "on call: primary; fay was to stand in and is out of reach",
        "on call: primary, standing in for ben; eli was to stand in and is out of reach",
    ]


def listing(of: dict[RotaId, Rota], since: str, until: str, *overrides: Override) -> list[str]:
    return [
        f"{one.since:%a %H:%M}-{one.until:%a %H:%M} {' '.join(seat.person for seat in one.seats)}"
        for one in turns(of, PRIMARY, utc(since), utc(until), overrides)
    ]


def test_turns_are_listed_with_who_stands_in_and_where_nobody_is() -> None:
    assert listing(rotas(OFFICE), "2026-01-05", "2026-01-06 12:00", stand_in("eli", "2026-01-05 12:00")) == [
        "Mon 00:00-Mon 09:00 ",
        "Mon 09:00-Mon 12:00 ana",
        "Mon 12:00-Mon 17:00 eli",
        "Mon 17:00-Tue 09:00 eli",
        "Tue 09:00-Tue 12:00 eli",
    ]


def test_holidays_split_the_turns_they_fall_into() -> None:
    assert listing(rotas(HOLIDAYS, layer("ana ben")), "2026-01-06", "2026-01-14") == [
        "Tue 00:00-Wed 00:00 ana",
        "Wed 00:00-Thu 00:00 dara",
        "Thu 00:00-Mon 00:00 ana",
        "Mon 00:00-Tue 00:00 eli",
        "Tue 00:00-Wed 00:00 dara",
    ]


def test_whole_turns_are_listed_as_they_begin_and_end() -> None:
    listed = list(whole_turns(rotas(layer("ana ben")), PRIMARY, utc("2026-03-04"), utc("2026-03-05")))
    assert [(one.since, one.until) for one in listed] == [(utc("2026-03-02 09:00"), utc("2026-03-09 09:00"))]
    short = list(whole_turns(rotas(OFFICE), PRIMARY, utc("2026-01-06 10:00"), utc("2026-01-06 11:00")))
    assert [(one.since, one.until) for one in short] == [(utc("2026-01-06 09:00"), utc("2026-01-06 17:00"))]


def test_what_is_odd_is_found() -> None:
    of = rotas(
        layer("eli", dates="2026-03-30"),
        layer("ana ben", starts=datetime(2026, 1, 4, 1, 30), zone="Europe/London"),  # noqa: DTZ001
        secondary=Rota(SECONDARY, (), PRIMARY),
        office=Rota(RotaId("office"), (layer("ana ben", "1d", hours(0, 24)),)),
    )
    found = findings(of, utc("2026-03-27"), utc("2026-04-01"))
    assert [one.sentence("Europe/London") for one in found] == [
        "eli is on call in secondary and in the rota that it follows "
        "from Mon 2026-03-30 01:00 Europe/London to Tue 2026-03-31 01:00 Europe/London.",
        "Nobody is on call in office "
        "from Sat 2026-03-28 00:00 Europe/London to Mon 2026-03-30 01:00 Europe/London.",
        "primary changes at Sun 2026-03-29 01:30 Europe/London, which is skipped that day: "
        "it changes at 02:00.",
    ]
    autumn = findings(of, utc("2026-10-24"), utc("2026-10-26"))
    assert autumn[-1].sentence("UTC") == (
        "primary changes at Sun 2026-10-25 01:30 Europe/London, which comes twice that day: "
        "it changes the first time."
    )


def test_a_hand_over_beside_the_odd_hour_is_not_odd() -> None:
    for time in (0, 2):
        beside = layer("ana ben", starts=datetime(2026, 1, 4, time), zone="Europe/London")  # noqa: DTZ001
        assert findings(rotas(beside), utc("2026-03-01"), utc("2026-12-01")) == []


def test_load_counts_hours_nights_and_weekends_once() -> None:
    of = rotas(layer("ana ben"), again=Rota(RotaId("again"), (layer("ana ben"),)))
    carried = load(of, of, utc("2026-01-05 09:00"), utc("2026-01-26 09:00"), "UTC")
    assert [(one.person, one.time, one.nights, one.weekends) for one in carried] == [
        ("ana", timedelta(days=14), 14, 2),
        ("ben", timedelta(days=7), 7, 1),
    ]


def test_nights_are_those_where_the_person_lives() -> None:
    of = rotas(layer("ana ben", "1d", hours(9, 17, frozenset(range(7)))))
    stretch = utc("2026-01-05"), utc("2026-01-12")
    assert [one.nights for one in load(of, [PRIMARY], *stretch, "UTC")] == [0, 0]
    seoul = load(of, [PRIMARY], *stretch, "UTC", zones={PersonId("ana"): "Asia/Seoul"})
    assert {one.person: one.nights for one in seoul} == {"ana": 4, "ben": 0}
