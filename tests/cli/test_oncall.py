"""`tocsin oncall`, of a plan directory and of a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.cli.test_cli import run, run_json
from tests.web.support.site import Site, free_port
from tocsin.core.model import PersonId
from tocsin.plan.people import read_people
from tocsin.store import access, directory
from tocsin.store.access import TokenKind

PLAN = """
plan: Harbour
zone: Europe/London
levels: {P1: {repeat_every: 10m, ladder: [{after: 0m, page: "on call: primary"}]}}
rotas:
  primary:
    starts: 2026-01-05 09:00
    layers:
      - {name: holidays, people: [dara], dates: [2026-12-25]}
      - {name: office, people: [ana, ben], shift: 1d, hours: Mon-Fri 09:00-17:00}
      - {name: rest, people: [chloe]}
  weekdays: {people: [ana, ben], shift: 1d, starts: 2026-01-05 00:00, hours: Mon-Fri}
catch_all: dara
"""


@pytest.fixture
def plan(tmp_path: Path) -> str:
    (tmp_path / "plan.yaml").write_text(PLAN)
    return str(tmp_path)


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    code, out, err = run(capsys, "oncall", *words)
    assert (code, err) == (0, "")
    return out.splitlines()


def test_who_says_the_zone_that_was_asked_in(capsys: pytest.CaptureFixture[str], plan: str) -> None:
    assert lines(capsys, "who", "--plan", plan, "--at", "2026-11-23T18:00 Asia/Seoul") == [
        "At Mon 2026-11-23 18:00 Asia/Seoul:",
        "primary          ana (layer office), until Tue 2026-11-24 02:00 Asia/Seoul",
        "weekdays         ana, until Tue 2026-11-24 09:00 Asia/Seoul",
    ]
    assert lines(capsys, "who", "primary", "--plan", plan, "--at", "2026-12-25T10:00") == [
        "At Fri 2026-12-25 10:00 Europe/London:",
        "primary          dara (layer holidays), until Sat 2026-12-26 00:00 Europe/London",
    ]


SHIFTS = """
plan: Harbour
zone: Europe/London
levels: {P1: {repeat_every: 10m, ladder: [{after: 0m, page: "on call: primary"}]}}
rotas:
  primary:
    starts: 2026-01-05 09:00
    layers:
      - {name: holidays, people: [dara, eli], dates: [2026-12-25, 2026-12-26], hours: "09:00-09:00"}
      - {name: nights, people: [ana, ben], shift: 1d, hours: "21:00-09:00"}
      - {name: days, people: [chloe, omar]}
catch_all: dara
"""


@pytest.mark.parametrize(
    ("hours", "at", "said"),
    [
        (
            "",
            "2026-12-24T23:00",
            "primary          ben (layer nights), until Fri 2026-12-25 00:00 Europe/London",
        ),
        (
            "",
            "2026-12-25T03:00",
            "primary          dara (layer holidays), until Sat 2026-12-26 09:00 Europe/London",
        ),
        (
            "09:00-09:00",
            "2026-12-25T03:00",
            "primary          ben (layer nights), until Fri 2026-12-25 09:00 Europe/London",
        ),
        (
            "09:00-09:00",
            "2026-12-26T03:00",
            "primary          dara (layer holidays), until Sat 2026-12-26 09:00 Europe/London",
        ),
        (
            "09:00-09:00",
            "2026-12-27T03:00",
            "primary          eli (layer holidays), until Sun 2026-12-27 09:00 Europe/London",
        ),
    ],
    ids=["cut at midnight", "relieved", "the night before", "its own night", "its last night"],
)
def test_a_holiday_with_hours_from_hand_over_to_hand_over_cuts_no_night_in_two(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, hours: str, at: str, said: str
) -> None:
    """The example of docs/plan/on-call.md."""
    example = Path(__file__).parents[2] / "docs/plan/on-call.md"
    assert SHIFTS.partition("rotas:\n")[2].partition("catch_all")[0].replace("\n  ", "\n")[2:] in (
        example.read_text(encoding="utf-8")
    )
    text = SHIFTS if hours else SHIFTS.replace(', hours: "09:00-09:00"', "")
    (tmp_path / "plan.yaml").write_text(text)
    assert lines(capsys, "who", "--plan", str(tmp_path), "--at", at)[1] == said


def test_calendar_lists_turns_and_nobody(capsys: pytest.CaptureFixture[str], plan: str) -> None:
    asked = ("calendar", "weekdays", "--plan", plan, "--from", "2026-11-27", "--to", "2026-12-01")
    assert lines(capsys, *asked) == [
        "Fri 2026-11-27 00:00 Europe/London to Sat 2026-11-28 00:00 Europe/London  ana",
        "Sat 2026-11-28 00:00 Europe/London to Mon 2026-11-30 00:00 Europe/London  nobody",
        "Mon 2026-11-30 00:00 Europe/London to Tue 2026-12-01 00:00 Europe/London  ben",
    ]
    found = run_json(capsys, "oncall", *asked)
    assert found["turns"][0]["seats"] == [{"person": "ana", "name": "ana", "why": "on call: weekdays"}]


def test_gaps_exits_with_one_where_something_is_odd(capsys: pytest.CaptureFixture[str], plan: str) -> None:
    asked = ("oncall", "gaps", "--plan", plan, "--from", "2026-11-27", "--to")
    code, out, _ = run(capsys, *asked, "2026-12-01")
    assert (code, out.splitlines()) == (
        1,
        [
            "Nobody is on call in weekdays "
            "from Sat 2026-11-28 00:00 Europe/London to Mon 2026-11-30 00:00 Europe/London."
        ],
    )
    code, out, _ = run(capsys, *asked, "2026-12-01", "--zone", "Asia/Seoul")
    assert "from Sat 2026-11-28 09:00 Asia/Seoul to Mon 2026-11-30 09:00 Asia/Seoul." in out
    code, out, _ = run(capsys, *asked, "2026-11-28")
    assert (code, out.splitlines()) == (
        0,
        ["From Fri 2026-11-27 00:00 Europe/London to Sat 2026-11-28 00:00 Europe/London nothing is odd."],
    )


def test_load_adds_up(capsys: pytest.CaptureFixture[str], plan: str) -> None:
    asked = ("load", "primary", "--plan", plan, "--from", "2026-11-23", "--to", "2026-11-30")
    assert lines(capsys, *asked) == [
        "From Mon 2026-11-23 00:00 Europe/London to Mon 2026-11-30 00:00 Europe/London:",
        "                     hours  nights  weekends",
        "chloe                128.0       7         1",
        "ana                   24.0       0         0",
        "ben                   16.0       0         0",
        "dara                   0.0       0         0",
    ]


def test_nights_are_nights_where_the_person_lives(
    capsys: pytest.CaptureFixture[str], plan: str, tmp_path: Path
) -> None:
    (tmp_path / "people.yaml").write_text(
        "ana: {name: Ana Costa, zone: Asia/Seoul}\nben: {name: Ben Okafor, zone: Europe/London}\n"
    )
    # Nine to five in London is six in the evening to two at night in Seoul.
    asked = ("load", "primary", "--plan", plan, "--from", "2026-11-23", "--to", "2026-11-28")
    nights = {line.split()[0]: line.split()[-2] for line in lines(capsys, *asked)[2:]}
    assert nights == {"chloe": "5", "Ana": "3", "Ben": "0", "dara": "0"}


def test_what_is_odd_is_said_with_names(
    capsys: pytest.CaptureFixture[str], plan: str, tmp_path: Path
) -> None:
    (tmp_path / "people.yaml").write_text("chloe: {name: Chloe Martin}\n")
    text = PLAN.partition("rotas:")[0] + "rotas: {primary: {people: chloe}, secondary: {follows: primary}}\n"
    (tmp_path / "plan.yaml").write_text(text + "catch_all: chloe\n")
    code, out, _ = run(capsys, "oncall", "gaps", "--plan", plan, "--from", "2026-11-23", "--to", "2026-11-24")
    assert (code, out) == (
        1,
        "Chloe Martin is on call in secondary and in the rota that it follows"
        " from Mon 2026-11-23 00:00 Europe/London to Tue 2026-11-24 00:00 Europe/London.\n",
    )


def test_people_who_can_not_be_read_are_said(
    capsys: pytest.CaptureFixture[str], plan: str, tmp_path: Path
) -> None:
    (tmp_path / "people.yaml").write_text("ana: {name: Ana Costa, zone: Mars}\n")
    code, _, err = run(capsys, "oncall", "load", "--plan", plan)
    assert (code, "people.yaml:1" in err, "Mars" in err) == (2, True, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("calendar", "none"), "There is no rota none. Rotas are: primary, weekdays."),
        (("who", "--at", "soon"),
         "`soon` is no time. Write it like 2026-11-22T03:00 or 2026-11-22T03:00 Asia/Seoul."),
        (("gaps", "--zone", "Mars"), "There is no time zone Mars. Use an IANA name such as Europe/London."),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said(
    capsys: pytest.CaptureFixture[str], plan: str, words: tuple[str, ...], sentence: str
) -> None:
    assert run(capsys, "oncall", *words, "--plan", plan) == (2, "", f"tocsin: {sentence}\n")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server, and ana's token in the environment."""
    site, port = Site(tmp_path), free_port()
    add = partial(
        access.add,
        secret="token-of-ana",
        kind=TokenKind.API,
        person=PersonId("ana"),
        name="test",
        now=site.now,
        until=site.now + timedelta(days=1),
    )
    site.store.write_now(add)
    site.serve(port)
    monkeypatch.setenv("TOCSIN_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("TOCSIN_TOKEN", "token-of-ana")
    yield site
    site.close()


def test_a_stand_in_is_made_seen_and_taken_back(capsys: pytest.CaptureFixture[str], served: Site) -> None:
    assert served.now == datetime(2026, 11, 23, 3, tzinfo=UTC)
    made = lines(
        capsys, "override", "primary", "dara", "--from", "2026-11-23T12:00 Asia/Seoul",
        "--to", "2026-11-23T15:00 Asia/Seoul", "--for", "ana", "--reason", "dentist",
    )  # fmt: skip
    assert made == [
        "Override 1: Dara Nolan stands in for Ana Costa in primary from Mon 2026-11-23 12:00 Asia/Seoul "
        "to Mon 2026-11-23 15:00 Asia/Seoul, says Ana Costa. Reason: dentist."
    ]
    assert lines(capsys, "who", "primary") == [
        "At Mon 2026-11-23 03:00 Europe/London:",
        "primary          Dara Nolan (standing in for Ana Costa), until Mon 2026-11-23 06:00 Europe/London",
    ]
    assert lines(
        capsys, "calendar", "primary", "--from", "2026-11-23", "--to", "2026-11-24", "--zone", "UTC"
    ) == [
        "Mon 2026-11-23 00:00 UTC to Mon 2026-11-23 03:00 UTC  Ana Costa",
        "Mon 2026-11-23 03:00 UTC to Mon 2026-11-23 06:00 UTC  Dara Nolan (standing in for Ana Costa)",
        "Mon 2026-11-23 06:00 UTC to Mon 2026-11-23 09:00 UTC  Ana Costa",
        "Mon 2026-11-23 09:00 UTC to Tue 2026-11-24 00:00 UTC  Ben Okafor",
    ]
    assert len(lines(capsys, "gaps")) == 1
    assert lines(capsys, "load")[2].startswith("Chloe Martin ")
    assert len(lines(capsys, "load")) == 6
    assert lines(capsys, "override-remove", "1") == ["Override 1 is taken back."]
    assert lines(capsys, "overrides") == [
        "1: Dara Nolan stands in for Ana Costa in primary "
        "from Mon 2026-11-23 03:00 Europe/London to Mon 2026-11-23 03:00 Europe/London, "
        "says Ana Costa. Reason: dentist. Taken back by Ana Costa."
    ]
    assert run(capsys, "oncall", "override-remove", "1")[0] == 1
    lines(capsys, "override", "primary", "dara", "--from", "2026-11-24", "--to", "2026-11-25")
    served.store.write_now(lambda tx: directory.replace_people(tx, read_people("ana: {name: Ana Costa}")))
    assert lines(capsys, "overrides")[0] == (
        "2: dara stands in for whoever is on call in primary from Tue 2026-11-24 00:00 Europe/London"
        " to Wed 2026-11-25 00:00 Europe/London, says Ana Costa."
        " Out of reach, so it does not count: let somebody else stand in."
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("ben", "--from", "2026-11-22", "--to", "2026-11-23T02:00"),
         "That is over already. Let it end later than now."),
        (("ben", "--from", "2026-11-25", "--to", "2026-11-24"),
         "The end is not after the beginning. Write the earlier time first."),
        (("zoe", "--from", "2026-11-24", "--to", "2026-11-25"),
         "There is nobody called zoe. Name somebody by id, as people.yaml does."),
        (("dara", "--from", "2026-11-24", "--to", "2027-12-25"),
         "Nobody stands in for more than 366 days. Change the plan instead."),
        (("ben", "--from", "2026-11-24", "--to", "2026-11-25"),
         "Ben Okafor is on call in primary all that time anyway. Name somebody else, or another time."),
    ],
)  # fmt: skip
def test_a_stand_in_that_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], served: Site, words: tuple[str, ...], sentence: str
) -> None:
    assert run(capsys, "oncall", "override", "primary", *words) == (1, "", f"tocsin: {sentence}\n")


def test_a_stand_in_across_a_change_of_clocks_is_as_long_as_it_is(
    capsys: pytest.CaptureFixture[str], served: Site
) -> None:
    asked = ("override", "primary", "dara", "--from", "2027-03-28T00:30", "--to", "2027-03-28T02:30")
    made = run_json(capsys, "oncall", *asked)
    assert (made["from"], made["to"]) == ("2027-03-28T00:30:00+00:00", "2027-03-28T01:30:00+00:00")


def test_a_feed_is_made(capsys: pytest.CaptureFixture[str], served: Site) -> None:
    words = lines(capsys, "feed", "primary")
    assert words[0] == "Calendar of primary (shown once; whoever has it can read it):"
    assert served.browser().get(words[1].removeprefix("http://tocsin.example")).status_code == 200
    assert lines(capsys, "feed")[0].startswith("Calendar of ana's turns")
    assert lines(capsys, "feed-remove", "primary") == ["The calendar of primary has no address any more."]
    assert lines(capsys, "feed-remove") == ["The calendar of ana's turns has no address any more."]
    assert served.browser().get(words[1].removeprefix("http://tocsin.example")).status_code == 404
    assert run(capsys, "oncall", "feed-remove") == (1, "", "tocsin: There is no address of that calendar.\n")


def test_a_rota_that_the_server_does_not_have_is_said(
    capsys: pytest.CaptureFixture[str], served: Site
) -> None:
    assert run(capsys, "oncall", "who", "none") == (
        1,
        "",
        "tocsin: There is no rota none. See them all: tocsin oncall who.\n",
    )
