"""Values of facts: what people say and alerts bring, what is refused, and how it is said again."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.facts import Fact, FactKind, FactValue
from tocsin.core.model import FactId, Refused
from tocsin.core.values import found_in, in_words, misfit, value_of

HOUR = timedelta(hours=1)
FACTS = {
    fact.id: fact
    for fact in (
        Fact(FactId("users"), FactKind.NUMBER),
        Fact(FactId("rate"), FactKind.PERCENT),
        Fact(FactId("time"), FactKind.DURATION),
        Fact(FactId("loss"), FactKind.YES_OR_NO),
        Fact(FactId("region"), FactKind.TEXT),
        Fact(FactId("impact"), FactKind.CHOICE, ("low", "High", "in part")),
        Fact(FactId("case"), FactKind.CHOICE, ("a", "A")),
        Fact(FactId("worked_out"), FactKind.CHOICE, ("low", "high"), highest_of=(FactId("impact"),)),
    )
}

FITS: list[tuple[str, object, FactValue, str]] = [
    ("users", "250", 250.0, "250"),
    ("users", " 2.5 ", 2.5, "2.5"),
    ("users", "-3", -3.0, "-3"),
    ("users", "-0", 0.0, "0"),
    ("users", 250, 250.0, "250"),
    ("users", 0.1, 0.1, "0.1"),
    ("users", "0.1234567", 0.123457, "0.123457"),
    ("rate", "25%", 25.0, "25%"),
    ("rate", "12.5 %", 12.5, "12.5%"),
    ("time", "10s", timedelta(seconds=10), "10s"),
    ("time", "400ms", timedelta(milliseconds=400), "400ms"),
    ("time", "1.5h", 1.5 * HOUR, "1h 30m"),
    ("time", "10.1s", timedelta(seconds=10.1), "10.1s"),
    ("time", "1h30m", 1.5 * HOUR, "1h 30m"),
    ("time", "2d 1h", 49 * HOUR, "2d 1h"),
    ("time", "0s", timedelta(0), "0s"),
    ("time", "0.4ms", timedelta(microseconds=400), "0.4ms"),
    ("loss", "yes", True, "yes"),
    ("loss", "No", False, "no"),
    ("loss", True, True, "yes"),
    ("loss", "false", False, "no"),
    ("region", "eu-west", "eu-west", "eu-west"),
    ("region", 5, "5", "5"),
    ("impact", "low", "low", "low"),
    ("impact", "HIGH", "High", "High"),
    ("impact", "in part", "in part", "in part"),
    ("case", "A", "A", "A"),
]


@pytest.mark.parametrize(("name", "given", "value", "words"), FITS)
def test_a_value_is_read_and_said_again(name: str, given: object, value: FactValue, words: str) -> None:
    fact = FACTS[FactId(name)]
    assert value_of(fact, given) == value
    assert in_words(value, fact.kind) == words
    assert value_of(fact, words) == value


MISFITS: list[tuple[str, object]] = [
    ("users", "many"),
    ("users", "1e5"),
    ("users", "25%"),
    ("users", ""),
    ("users", math.inf),
    ("users", math.nan),
    ("users", 10**400),
    ("users", [250]),
    ("users", None),
    ("rate", "25"),
    ("rate", 25),
    ("rate", 0.25),
    ("time", "10"),
    ("time", 10),
    ("time", "10 s"),
    ("time", "999999w 999999w"),
    ("loss", "maybe"),
    ("loss", 1),
    ("region", " "),
    ("region", "x" * 1025),
    ("impact", "medium"),
    ("impact", {"is": "low"}),
]


@pytest.mark.parametrize(("name", "given"), MISFITS)
def test_what_does_not_fit_is_no_value(name: str, given: object) -> None:
    assert value_of(FACTS[FactId(name)], given) is None


@pytest.mark.parametrize(
    ("name", "given", "sentence"),
    [
        ("users", "many", "“many” does not fit users. Say a number, such as 250."),
        ("rate", "25", "“25” does not fit rate. Say a percentage with its sign, such as 25%."),
        ("time", "10", "“10” does not fit time. Say a length of time with its unit, such as 10s or 1h 30m."),
        ("loss", "?", "“?” does not fit loss. Say yes or no."),
        ("region", "", "“” does not fit region. Say it in 1 to 1024 characters."),
        ("impact", "medium", "“medium” does not fit impact. Say one of low, High, in part."),
    ],
)
def test_a_person_hears_what_would_fit(name: str, given: str, sentence: str) -> None:
    assert misfit(FACTS[FactId(name)], given) == Refused(sentence)


def test_an_alert_states_facts_in_its_details() -> None:
    details: dict[str, object] = {
        "users": 12,
        "rate": "25%",
        "time": "soon",
        "loss": "yes",
        "impact": None,
        "worked_out": "high",
        "unheard": "of",
    }
    assert found_in(details, FACTS) == {"users": 12.0, "rate": 25.0, "loss": True}


@given(
    st.sampled_from(list(FACTS.values())), st.text() | st.floats() | st.integers() | st.booleans() | st.none()
)
def test_whatever_is_given_is_a_value_that_can_be_said_again_or_none(fact: Fact, given: object) -> None:
    value = value_of(fact, given)
    if value is not None:
        assert value_of(fact, in_words(value, fact.kind)) == value


@given(st.timedeltas(timedelta(0), timedelta(days=9_999_999)))
def test_every_length_of_time_can_be_said_again(length: timedelta) -> None:
    assert value_of(FACTS[FactId("time")], in_words(length)) == length


@given(st.floats(-1e11, 1e11))
def test_every_number_can_be_said_again(number: float) -> None:
    value = value_of(FACTS[FactId("users")], number)
    assert value is not None
    assert value_of(FACTS[FactId("users")], in_words(value)) == value
