"""The tests of a plan: what a rehearsal shows is compared with what was expected, in whole sentences."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.core.trial import EVERYBODY, START, person, plan
from tocsin.core.expectations import Expectation, Given, Is, Paged, Stands, Unreached, When, Within, failures
from tocsin.core.incident import Status, commands
from tocsin.core.lengths import span
from tocsin.core.model import DeadlineState, LevelId, PersonId, ServiceId
from tocsin.core.policy import View
from tocsin.core.rehearse import Ask, Open, Rehearsal, Scenario, rehearse

ANA, BEN, CHLOE = map(PersonId, ("ana", "ben", "chloe"))


def rehearsal(*, silent: bool = False) -> Rehearsal:
    """P1: Ana at 0, Ben at 5; Ben acknowledges at 7 minutes."""
    acts = (
        Open(timedelta(0), LevelId("P1")),
        Ask(timedelta(minutes=7), commands.Acknowledge("link"), BEN),
    )
    people = () if silent else (person("ana email+sms", "0m email", "2m sms"), *EVERYBODY[1:])
    scenario = Scenario(START, timedelta(minutes=20), ServiceId("checkout"), acts)
    return rehearse(plan("0m ana", "5m ben"), View({one.id: one for one in people}), scenario)


def when(word: str, minutes: float) -> When:
    return When(Within(word), timedelta(minutes=minutes))


MET: list[Expectation] = [
    Paged((ANA, BEN)),
    Paged((BEN,), when("at", 5)),
    Paged((BEN,), when("within", 5)),
    Paged((BEN,), when("before", 6)),
    Paged((BEN,), when("after", 4)),
    Paged((ANA,), when("at", 2), "sms"),
    Paged((CHLOE,), never=True),
    Paged((BEN,), never=True, told=True),
    Paged((BEN,), when("before", 5), never=True),
    Paged((ANA,), when("before", 2), "sms", never=True),
    Stands("acknowledged by a person", DeadlineState.BROKEN),
    Stands("acknowledge:P1", DeadlineState.BROKEN),
    Is(LevelId("P1")),
    Is(Status.TRIGGERED, timedelta(minutes=6)),
    Is(Status.ACKNOWLEDGED),
    Unreached(happens=False),
]


@pytest.mark.parametrize("expectation", MET, ids=str)
def test_met(expectation: Expectation) -> None:
    assert list(failures(rehearsal(), expectation)) == []


NOT_MET: list[tuple[Expectation, str]] = [
    (Paged((CHLOE,)), "chloe is never paged."),
    (Paged((BEN, CHLOE)), "chloe is never paged."),
    (Paged((BEN,), when("within", 4)), "ben is paged at 5m."),
    (Paged((ANA,), when("at", 1)), "ana is paged at 0m, 2m."),
    (Paged((BEN,), when("at", 5), "sms"), "ben is never paged by sms."),
    (Paged((ANA,), when("at", 5), "sms"), "ana is paged by sms at 2m."),
    (Paged((BEN,), never=True), "ben is paged at 5m."),
    (Paged((BEN,), told=True), "ben is never told."),
    (Given(("Call everybody",)), "“Call everybody” is never given. Tasks given are: none."),
    (Stands("acknowledged by a person", DeadlineState.KEPT), "It is broken."),
    (
        Stands("resolved", DeadlineState.KEPT),
        "There is no such promise. Promises are: “acknowledged by a person”.",
    ),
    (Is(LevelId("P2")), "It is P1."),
    (Is(Status.RESOLVED, timedelta(minutes=8)), "It is acknowledged."),
    (Unreached(happens=True), "Somebody could be reached all the time."),
]


@pytest.mark.parametrize(("expectation", "sentence"), NOT_MET, ids=str)
def test_not_met_says_what_happened_instead(expectation: Expectation, sentence: str) -> None:
    assert list(failures(rehearsal(), expectation)) == [sentence]


def test_nobody_reached_says_when() -> None:
    found = list(failures(rehearsal(silent=True), Unreached(happens=False)))
    assert found == ["Nobody could be reached at 0m."]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0m"), (90, "1m30s"), (900, "15m"), (5_400, "1h30m"), (172_800, "2d")]
)
def test_lengths_are_said_as_a_plan_writes_them(seconds: int, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text
