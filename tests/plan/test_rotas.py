"""The rotas of a plan as they are read: what is written so, means this."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Hours, Layer, Rota, Unit
from tocsin.plan.document import Document
from tocsin.plan.rota_words import rota_lines
from tocsin.plan.rotas import read_rotas

MONDAY = datetime(2026, 1, 5, 9)  # noqa: DTZ001  # a wall-clock time
ALWAYS = datetime(1970, 1, 1)  # noqa: DTZ001  # a wall-clock time
ANA, BEN, CHLOE = map(PersonId, ("ana", "ben", "chloe"))
PRIMARY = RotaId("primary")
HOUR = timedelta(hours=1)


def read(text: str) -> tuple[dict[RotaId, Rota], list[str]]:
    document = Document("plan.yaml")
    found = read_rotas(document, document.parse(text, ""), "Europe/London")
    return found, [str(one) for one in sorted(document.problems)]


def layer_of(text: str) -> Layer:
    """The only layer of a rota with these entries."""
    found, problems = read(f"primary: {{{text}}}")
    assert problems == []
    (layer,) = found[PRIMARY].layers
    return layer


def test_the_short_spelling_is_one_layer() -> None:
    assert layer_of("people: [ana, ben], shift: 2w, starts: 2026-01-05 09:00") == Layer(
        (ANA, BEN), MONDAY, "Europe/London", 2, Unit.WEEKS
    )


def test_the_long_spelling_has_layers_that_share_what_the_rota_says() -> None:
    found, problems = read("""
primary:
  shift: 1d
  starts: 2026-01-05 09:00
  zone: Asia/Seoul
  duties: [Answer]
  answers_within: 30m
  layers:
    - {name: holidays, people: ana, dates: [2026-12-31, 2026-12-24 to 2026-12-26]}
    - {name: office, people: [ana, ben], hours: Mon-Fri 09:00-17:00}
    - {name: rest, people: [ben, chloe, ana], shift: 8h, seats: 2, zone: UTC}
""")
    assert problems == []
    days = tuple(date(2026, 12, day) for day in (24, 25, 26, 31))
    office = (Hours(frozenset(range(5)), 9 * HOUR, 17 * HOUR),)
    assert found[PRIMARY].layers == (
        Layer((ANA,), MONDAY, "Asia/Seoul", 1, Unit.DAYS, dates=days, name="holidays"),
        Layer((ANA, BEN), MONDAY, "Asia/Seoul", 1, Unit.DAYS, hours=office, name="office"),
        Layer((BEN, CHLOE, ANA), MONDAY, "UTC", 8, Unit.HOURS, 2, name="rest"),
    )


def test_a_rota_follows_another() -> None:
    found, problems = read("""
primary: {people: [ana, ben], starts: 2026-01-05 09:00}
secondary: {follows: primary, duties: [Help]}
third: {follows: primary, ahead: 2, people: chloe, dates: 2026-12-25}
""")
    assert problems == []
    assert found[RotaId("secondary")] == Rota(RotaId("secondary"), (), PRIMARY, 1)
    third = found[RotaId("third")]
    assert (third.follows, third.ahead, third.people) == (PRIMARY, 2, (CHLOE,))


def test_without_a_shift_turns_are_weeks_and_of_dates_days() -> None:
    assert layer_of("people: [ana, ben], starts: 2026-01-05 09:00").unit is Unit.WEEKS
    christmas = layer_of("people: [ana, ben], dates: 2026-12-25")
    assert (christmas.shift, christmas.unit) == (1, Unit.DAYS)
    assert christmas.starts == datetime(2026, 12, 25)  # noqa: DTZ001  # a wall-clock time


def test_who_takes_no_turns_needs_no_start() -> None:
    assert layer_of("people: ana").starts == ALWAYS
    assert layer_of("people: [ana, ben], seats: 2").starts == ALWAYS


@pytest.mark.parametrize(
    ("text", "days", "begins", "ends"),
    [
        ("Mon-Fri 09:00-17:00", "01234", 9, 17),
        ("Sat", "5", 0, 24),
        ("Fri-Mon", "0456", 0, 24),
        ("22:00-06:00", "0123456", 22, 30),
        ("Sun 18:00-24:00", "6", 18, 24),
        ("Mon-Fri 17:00-09:00", "01234", 17, 33),
        ("Sat-Sun 00:00-24:00", "56", 0, 24),
        ("Mon-Fri 09:00-09:00", "01234", 9, 33),
    ],
)
def test_hours_are_a_piece_of_the_week(text: str, days: str, begins: int, ends: int) -> None:
    (hours,) = layer_of(f"people: ana, hours: {text}").hours
    assert hours == Hours(frozenset(map(int, days)), begins * HOUR, ends * HOUR)


def test_hours_may_be_a_list() -> None:
    assert len(layer_of("people: ana, hours: [Fri 17:00-24:00, Sat-Sun, Mon 00:00-09:00]").hours) == 3


FIRST = "people: [ana, ben], starts: 2026-01-05 09:00"
BROKEN = [
    ("{people: []}", "{at}.people: A rota without people has nobody on call. Write it like [ana, ben]."),
    ("{shift: 1w}", "{at}: `people` is missing. Add `people: ...` here."),
    ("{people: [ana, ben]}", "{at}: `starts` is missing. Add `starts: ...` here."),
    ("{people: ana, zone: Mars}", "{at}.zone: There is no time zone `Mars`. "
     "Use an IANA name such as Europe/London."),
    (f"{{{FIRST}, shift: 90m}}", "{at}.shift: A shift lasts whole hours, days or weeks. "
     "Write it like 8h, 1d or 1w."),
    (f"{{{FIRST}, seats: 0}}", "{at}.seats: `0` is no whole number from 1 to 100. Write it like 1."),
    (f"{{{FIRST}, seats: 3}}", "{at}.seats: 3 seats are more than the people who can take them. "
     "Name more people, or fewer seats."),
    (f"{{{FIRST}, ahead: 1}}", "{at}.ahead: `ahead` means nothing without `follows`. Add `follows: ROTA`."),
    (f"{{{FIRST}, layers: []}}", "{at}.layers: This rota has no layers. Write it like [{{people: [ana]}}]."),
    (f"{{{FIRST}, layers: [{', '.join(['{name: a}'] * 21)}]}}", "{at}.layers: This rota has more than "
     "20 layers. Put people who serve the same hours into one layer."),
    (f"{{{FIRST}, follows: tertiary}}", "{at}.follows: There is no rota `tertiary`. "
     "Rotas are: other."),
    ("{follows: r}", "{at}.follows: `r` follows `r`, so nobody is on call. "
     "Let one of them have people of its own."),
    ("{follows: other, shift: 1w}", "{at}.shift: `shift` means nothing in a rota that only follows another. "
     "Take it out, or add `people`."),
    (f"{{{FIRST}, hours: 9-17}}", "{at}.hours: `9-17` is no part of a week. "
     "Write it like Mon-Fri 09:00-17:00, Sat or 22:00-06:00."),
    (f"{{{FIRST}, hours: 09:00-24:30}}", "{at}.hours: `09:00-24:30` is no part of a week. "
     "Write it like Mon-Fri 09:00-17:00, Sat or 22:00-06:00."),
    (f"{{{FIRST}, hours: Monday}}", "{at}.hours: `Monday` is no part of a week. "
     "Write it like Mon-Fri 09:00-17:00, Sat or 22:00-06:00."),
    (f"{{{FIRST}, hours: [Mon-Fri, Fri 09:00-17:00]}}", "{at}.hours[2]: `Fri 09:00-17:00` overlaps the hours "
     "before it. Let each hour stand once."),
    (f"{{{FIRST}, hours: [Sun 22:00-06:00, Mon 05:00-07:00]}}", "{at}.hours[2]: `Mon 05:00-07:00` overlaps "
     "the hours before it. Let each hour stand once."),
    ("{people: ana, dates: [2026-02-30]}", "{at}.dates[1]: A date is expected here. "
     "Write it like 2026-12-25, or 2026-12-24 to 2026-12-26."),
    ("{people: ana, dates: 2026-12-26 to 2026-12-24}", "{at}.dates: A first date, a later one, and no more "
     "than 1000 in all are expected here. Write it like 2026-12-24 to 2026-12-26."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), BROKEN, ids=[row[0][:40] for row in BROKEN])
def test_a_broken_rota_is_refused_with_a_whole_sentence(text: str, sentence: str) -> None:
    _, problems = read(f"other: {{people: ana}}\nr: {text}")
    said = [one.split(": ", 1)[1] for one in problems]
    assert said == [sentence.replace("{at}", "r").replace("{{", "{").replace("}}", "}")]


def test_a_circle_of_rotas_is_said_of_each() -> None:
    _, problems = read("a: {follows: b}\nb: {follows: c}\nc: {follows: a}\nd: {follows: a}")
    assert problems == [
        f"plan.yaml:{line}:14: {one}.follows: {circle}, so nobody is on call. "
        "Let one of them have people of its own."
        for line, one, circle in (
            (1, "a", "`a` follows `b` follows `c` follows `a`"),
            (2, "b", "`b` follows `c` follows `a` follows `b`"),
            (3, "c", "`c` follows `a` follows `b` follows `c`"),
        )
    ]


def test_a_rota_is_read_aloud_layer_by_layer() -> None:
    found, _ = read("""
primary:
  starts: 2026-01-05 09:00
  layers:
    - {name: holidays, people: dara, dates: [2026-12-24 to 2026-12-26, 2026-12-31]}
    - {name: office, people: [ana, ben, chloe], shift: 2d, seats: 2, hours: [Mon-Fri 09:00-17:00, Sat]}
    - {name: nights, people: [ana, ben], shift: 8h, hours: [Fri-Mon 22:00-06:00], zone: Asia/Seoul}
    - {people: [eli]}
  follows: other
other: {people: ana, hours: 22:00-06:00}
""")
    assert list(rota_lines(found[PRIMARY])) == [
        "holidays: dara, on 2026-12-24 to 2026-12-26 and 2026-12-31 (Europe/London)",
        "office: ana, ben and chloe take turns of 2 days, 2 at a time, from Mon 2026-01-05 09:00, "
        "Mon-Fri 09:00-17:00, Sat (Europe/London)",
        "nights: ana and ben take turns of 8 hours, from Mon 2026-01-05 09:00, "
        "Fri-Mon 22:00-06:00 (Asia/Seoul)",
        "eli",
        "whoever has other 1 turn later",
    ]
    assert list(rota_lines(found[RotaId("other")])) == ["ana, 22:00-06:00 (Europe/London)"]


def test_every_rota_that_the_document_shows_can_be_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "plan" / "on-call.md").read_text()
    shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(shown) == 6
    for text in shown:
        assert read(text)[1] == []
