"""The calendar feed: what it says, how it is spelled, and that every view of who is on call agrees."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.core.chance_rotas import chance_rotas
from tests.core.rota_by_hand import by_hand
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import (
    Finding,
    Kind,
    Layer,
    Override,
    Rota,
    Turn,
    Unit,
    findings,
    on_call,
    turns,
)
from tocsin.web.feed import AHEAD, BACK, feed

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
MONDAY = datetime(2026, 1, 5, 9)  # noqa: DTZ001  # a wall-clock time
PRIMARY = RotaId("primary")
INSTANTS = 10_000
ZONES = ("UTC", "Europe/London", "Australia/Lord_Howe", "America/New_York", "Asia/Seoul")


def unfolded(text: str) -> list[str]:
    """The content lines of a feed."""
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    for line in text.split("\r\n"):
        assert len(line.encode()) <= 75
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def events(text: str) -> Iterator[dict[str, str]]:
    """Every event as its properties."""
    for block in re.findall(r"BEGIN:VEVENT\n(.*?)\nEND:VEVENT", "\n".join(unfolded(text)), re.DOTALL):
        yield dict(line.split(":", 1) for line in block.split("\n"))


def instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def test_a_feed_is_written_as_the_standard_says() -> None:
    rotas = {PRIMARY: Rota(PRIMARY, (Layer((PersonId("ana"),), MONDAY, "UTC", 1, Unit.WEEKS),))}
    text = feed("Team; Æther, \\ co", rotas, [PRIMARY], NOW, names={PersonId("ana"): "Ana, née Ö" * 9})
    lines = unfolded(text)
    assert lines[:9] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Tocsin//On call//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
        "NAME:Team\\; Æther\\, \\\\ co",
        "X-WR-CALNAME:Team\\; Æther\\, \\\\ co",
    ]
    assert lines[-1] == "END:VCALENDAR"
    event = next(events(text))
    assert event["SUMMARY"] == "Ana\\, née Ö" * 9 + " on call: primary"
    assert (event["DTSTART"], event["DTEND"]) == ("20261102T090000Z", "20261109T090000Z")
    assert event["DTSTAMP"] == "20261122T030000Z"


def test_an_event_keeps_its_uid_while_time_passes() -> None:
    people = tuple(map(PersonId, ("ana", "ben")))
    rotas = {PRIMARY: Rota(PRIMARY, (Layer(people, MONDAY, "Europe/London"),))}
    before, after = (
        {one["DTSTART"]: one for one in events(feed("t", rotas, [PRIMARY], now))}
        for now in (NOW, NOW + timedelta(days=10, hours=5))
    )
    both = before.keys() & after.keys()
    assert len(both) > 10
    for start in both:
        assert {**before[start], "DTSTAMP": ""} == {**after[start], "DTSTAMP": ""}
    assert len({one["UID"] for one in before.values()}) == len(before)


def test_a_turn_of_less_than_a_second_is_no_event() -> None:
    rotas = {PRIMARY: Rota(PRIMARY, (Layer((PersonId("ana"),), MONDAY, "UTC"),))}
    ends, blink = NOW + timedelta(hours=2), timedelta(milliseconds=300)
    # Two take over within a second, and then one of them once more.
    overrides = [
        Override(number, PRIMARY, PersonId(person), NOW + number * blink, ends)
        for number, person in enumerate(("ben", "chloe", "ben"))
    ]
    found = list(events(feed("t", rotas, [PRIMARY], NOW, overrides)))
    assert [one["SUMMARY"] for one in found if one["DTSTART"] == "20261122T030000Z"] == [
        "ben on call: primary"
    ]
    assert len({one["UID"] for one in found}) == len(found)


def test_the_reason_of_a_stand_in_breaks_no_line() -> None:
    rotas = {PRIMARY: Rota(PRIMARY, (Layer((PersonId("ana"),), MONDAY, "UTC"),))}
    override = Override(
        1, PRIMARY, PersonId("ben"), NOW, NOW + timedelta(hours=2), reason="a\r\nEND:VEVENT\nb"
    )
    described = [one["DESCRIPTION"] for one in events(feed("t", rotas, [PRIMARY], NOW, [override]))]
    assert "on call: primary\\, standing in for ana: a  END:VEVENT b" in described


@pytest.mark.parametrize("seed", range(10))
def test_pager_calendar_gaps_feed_and_a_patient_person_agree(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(5):
        rotas, overrides = chance_rotas(chance, NOW, ZONES)
        since, until = NOW - BACK, NOW + AHEAD
        found = findings(rotas, since, until, overrides)
        for rota in rotas:
            listed = list(turns(rotas, rota, since, until, overrides))
            written = [
                (instant(one["DTSTART"]), instant(one["DTEND"]), one["SUMMARY"])
                for one in events(feed("t", rotas, [rota], NOW, overrides))
            ]
            for _ in range(INSTANTS // 100):
                at = since + chance.random() * (until - since)
                people = [seat.person for seat in on_call(rotas, rota, at, overrides)]
                assert people == by_hand(rotas, rota, at, overrides)
                turn = next(one for one in listed if one.since <= at < one.until)
                assert [seat.person for seat in turn.seats] == people
                assert _gap(found, rota, at) == (not people)
                summaries = [text for begins, ends, text in written if begins <= at < ends]
                assert summaries == [f"{person} on call: {rota}" for person in people]


def _gap(found: list[Finding], rota: RotaId, at: datetime) -> bool:
    return any(one.kind is Kind.NOBODY and one.rota == rota and one.since <= at < one.until for one in found)


ODD = '\u2028\u2029\x85\x0b\x7f\ud800\n\r\t,;\\:"éa가\N{FIRE ENGINE}\N{ZERO WIDTH JOINER}'


@pytest.mark.parametrize("seed", range(5))
def test_whatever_people_are_called_a_feed_keeps_to_the_standard(seed: int) -> None:
    """RFC 5545: lines of names and values, escaped text, one UID for each event, none that ends early."""
    chance = random.Random(seed)
    for _ in range(20):
        rotas, overrides = chance_rotas(chance, NOW, ZONES)
        people = {person for one in rotas.values() for person in one.people}
        names = {person: "".join(chance.choices(ODD, k=chance.randrange(1, 120))) for person in people}
        overrides = [replace(one, reason="".join(chance.choices(ODD, k=60))) for one in overrides]
        text = feed("".join(chance.choices(ODD, k=80)), rotas, rotas, NOW, overrides, names)
        lines = unfolded(text)
        assert [line for line in lines if not re.fullmatch(r"[A-Z-]+(;[A-Z-]+=[A-Z-]+)*:.*", line)] == []
        assert len(text.splitlines()) == text.count("\r\n")
        for line in lines:
            name, _, value = line.partition(":")
            if name in ("SUMMARY", "DESCRIPTION", "NAME", "X-WR-CALNAME"):
                assert re.fullmatch(r"(\\[\\;,]|[^\\;,])*", value)
        listed = list(events(text))
        assert len({one["UID"] for one in listed}) == len(listed)
        assert all(instant(one["DTSTART"]) < instant(one["DTEND"]) for one in listed)


def test_a_turn_without_seats_is_no_event() -> None:
    rotas = {PRIMARY: Rota(PRIMARY)}
    assert list(turns(rotas, PRIMARY, NOW, NOW + BACK)) == [Turn(NOW, NOW + BACK, ())]
    assert list(events(feed("t", rotas, [PRIMARY], NOW))) == []
