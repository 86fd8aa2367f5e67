"""One resolver: whoever asks who is on call at an instant, by whatever door, hears of the same people.

A year goes by. People arrange stand-ins and take some of them back, the clocks of five zones change, and at
instants by chance and around each change everybody is asked: the pager, the API, the calendar feed, the
calendar of the API, the page, and the command line.
"""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cli.test_cli import run_json
from tests.web.support.site import START, Site, free_port
from tests.web.test_feed import events, instant
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import on_call
from tocsin.store import access
from tocsin.store.access import TokenKind

PEOPLE = ("ana", "ben", "chloe", "dara", "eli", "omar")
ROTAS = ("primary", "secondary", "third", "sun", "pair", "late")
PLAN = """
plan: Round the world
zone: Europe/London
levels:
""" + "".join(
    f'  {rota}: {{repeat_every: 10m, ladder: [{{after: 0m, page: "on call: {rota}"}}]}}\n' for rota in ROTAS
) + """
services: {checkout: Checkout}
rotas:
  primary:
    starts: 2026-01-05 09:00
    layers:
      - {name: holidays, people: [dara, eli], dates: [2026-12-24 to 2026-12-26, 2027-03-28, 2027-10-31]}
      - {name: office, people: [ana, ben], shift: 1d, hours: Mon-Fri 09:00-17:00}
      - {name: rest, people: [chloe, omar, ana], shift: 1w}
  secondary: {follows: primary}
  third: {follows: primary, ahead: 2}
  sun:
    starts: 2026-01-05 08:00
    shift: 1w
    layers:
      - {name: Seoul, people: [eli, dara], zone: Asia/Seoul, hours: Mon-Fri 08:00-17:00}
      - {name: London, people: [ana, ben], zone: Europe/London, hours: Mon-Fri 08:00-17:00}
      - {name: New York, people: [omar, chloe], zone: America/New_York, hours: "Mon-Sat 02:30-22:00"}
  pair:
    people: [ana, ben, chloe, dara, eli]
    seats: 2
    shift: 12h
    starts: 2026-01-05 02:00
    zone: Australia/Lord_Howe
  late: {people: [ben, eli], shift: 1d, starts: 2026-01-05 01:30, hours: "22:00-01:30", zone: Europe/Lisbon}
catch_all: [omar]
notify: [{after: 0m, by: [mailbox]}]
"""  # fmt: skip
DIRECTORY = "\n".join(
    f"{one}: {{name: {one.title()} Q, zone: {zone}, channels: {{mailbox: {one}}}}}"
    for one, zone in zip(
        PEOPLE,
        ("Europe/Lisbon", "Asia/Tokyo", "America/New_York", "UTC", "Asia/Seoul", "Australia/Lord_Howe"),
        strict=True,
    )
)
CHANGES = (
    datetime(2027, 3, 14, 7, tzinfo=UTC),  # New York
    datetime(2027, 3, 28, 1, tzinfo=UTC),  # London and Lisbon
    datetime(2027, 4, 3, 15, tzinfo=UTC),  # Lord Howe
    datetime(2027, 10, 2, 15, 30, tzinfo=UTC),
    datetime(2027, 10, 31, 1, tzinfo=UTC),
    datetime(2027, 11, 7, 6, tzinfo=UTC),
)
NEAR = (timedelta(hours=-1), timedelta(seconds=-1), timedelta(), timedelta(seconds=1), timedelta(hours=1))
YEAR = timedelta(days=360)
INSTANTS = 80
Names = dict[str, list[str]]


class Asker:
    """Everybody who can say who is on call; each answer is names by rota, those of people by id."""

    def __init__(self, site: Site) -> None:
        self.site = site
        add = partial(
            access.add,
            secret="token-of-ana",
            kind=TokenKind.API,
            person=PersonId("ana"),
            name="test",
            now=site.now,
            until=site.now + timedelta(days=400),
        )
        site.store.write_now(add)
        self.bearer = {"authorization": "Bearer token-of-ana"}
        browser = site.browser("ana")
        made = {rota: browser.send("/api/v1/feeds", {"rota": rota}).json() for rota in ROTAS}
        self.feeds = {rota: one["url"].removeprefix("http://tocsin.example") for rota, one in made.items()}
        self.anybody = site.browser()

    def get(self, path: str) -> Any:
        answer = self.anybody.get(path, **self.bearer)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pager(self) -> Names:
        """What the engine goes by when it decides whom a step pages."""
        view = self.site.store.read_now(lambda tx: self.site.services.context.view(tx, self.site.now))
        asked = partial(on_call, view.rotas, at=self.site.now, overrides=view.overrides)
        return {rota: [_name(seat.person) for seat in asked(RotaId(rota))] for rota in ROTAS}

    def paged(self, rota: str) -> list[str]:
        """Whom an incident pages that is declared now, at a level that pages this rota."""
        asked = {"title": f"who is {rota}", "service": "checkout", "level": rota}
        browser = self.site.browser("ana")
        made = browser.send("/api/v1/incidents", asked)
        assert made.status_code == 200, made.text
        id = made.json()["id"]
        timeline = browser.get(f"/api/v1/incidents/{id}").json()["timeline"]
        ended = browser.send(f"/api/v1/incidents/{id}/false-positive", {"reason": "only asked"})
        assert ended.status_code == 200, ended.text
        return [_name(one["event"]["person"]) for one in timeline if one["type"] == "page_started"]

    def api(self, at: datetime | None = None) -> Names:
        found = self.get(f"/api/v1/oncall?at={quote(at.isoformat())}" if at else "/api/v1/oncall")
        return _names(found)

    def feed(self, rota: str) -> list[str]:
        """What a calendar program would show at this instant."""
        text = self.anybody.get(self.feeds[rota]).text
        return [
            one["SUMMARY"].removesuffix(f" on call: {rota}")
            for one in events(text)
            if instant(one["DTSTART"]) <= self.site.now < instant(one["DTEND"])
        ]

    def page(self) -> tuple[Names, Names]:
        """The page's cards, and the lines of its calendars that hold this instant."""
        html = self.site.browser("ana").get("/on-call").text
        cards, lines = {}, {}
        for rota, card in re.findall(r'data-key="rota-(\w+)">(.*?)</li>', html, re.DOTALL):
            cards[rota] = [unescape(one) for one in re.findall(r"<b>(.*?)</b>", card)]
        for rota, table in re.findall(r'data-key="turns-(\w+)">(.*?)</details>', html, re.DOTALL):
            for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL):
                times = [datetime.fromisoformat(one) for one in re.findall(r'datetime="(.*?)"', row)]
                if times and times[0] <= self.site.now < times[1]:
                    (names,) = re.findall(r"<td>([^<]*)(?: <span[^>]*>[^<]*</span>)?</td></tr>", row)
                    lines[rota] = names.split(", ")
        return cards, lines


def _name(person: str) -> str:
    return f"{person.title()} Q"


def _names(answer: Any) -> Names:
    return {one["rota"]: [seat["name"] for seat in one["seats"]] for one in answer["rotas"]}


def _or(names: Names, nobody: str) -> Names:
    return {rota: some or [nobody] for rota, some in names.items()}


def arrange(asker: Asker, chance: random.Random) -> None:
    """Stand-ins all over the year; some change nothing, and are refused."""
    browser, made = asker.site.browser("ana"), 0
    for _ in range(90):
        since = START + chance.random() * YEAR
        wanted = {"rota": chance.choice(ROTAS), "person": chance.choice(PEOPLE), "from": since.isoformat()}
        wanted["to"] = (since + timedelta(hours=chance.randrange(1, 24 * 12))).isoformat()
        wanted |= {"for": chance.choice(PEOPLE)} if chance.random() < 0.5 else {}
        made += browser.send("/api/v1/overrides", wanted).status_code == 200
    assert made > 40


def take_back(asker: Asker) -> None:
    """Somebody takes back a stand-in that counts now, if there is one."""
    listed = asker.get("/api/v1/overrides")
    now = asker.site.now
    standing = [
        one["id"]
        for one in listed
        if one["removed_at"] is None
        and datetime.fromisoformat(one["from"]) < now < datetime.fromisoformat(one["to"])
    ]
    for id in standing[:1]:
        answer = asker.anybody.ask("DELETE", f"/api/v1/overrides/{id}", **asker.bearer)
        assert answer.status_code == 200, answer.text


def test_all_views_agree_at_any_instant_of_a_year(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(11)
    site, port = Site(tmp_path, plan=PLAN, people=DIRECTORY), free_port()
    asker = Asker(site)
    arrange(asker, chance)
    site.serve(port)
    monkeypatch.setenv("TOCSIN_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("TOCSIN_TOKEN", "token-of-ana")
    instants = [START + chance.random() * YEAR for _ in range(INSTANTS)]
    instants = sorted([*instants, *(change + near for change in CHANGES for near in NEAR)])
    seen: list[tuple[datetime, Names]] = []
    for number, at in enumerate(instants):
        site.now = at
        if number % 8 == 0:
            take_back(asker)
        names = asker.api()
        assert tuple(names) == ROTAS
        seen.append((at, names))
        earlier, then = chance.choice(seen)
        assert asker.api(earlier) == then, (at, earlier)
        assert asker.pager() == names, at
        rota = chance.choice(ROTAS)
        if number % 2:
            assert asker.feed(rota) == names[rota], (at, rota)
        if number % 4 == 0:
            assert asker.paged(rota) == (names[rota] or [_name("omar")]), (at, rota)
        if number % 15 == 0:
            cards, lines = asker.page()
            assert cards == _or(names, "Nobody is on call"), at
            assert lines == _or(names, "Nobody"), at
        if number % 15 == 7:
            found = run_json(capsys, "oncall", "who", "--at", earlier.isoformat())
            assert _names(found) == then, (at, earlier)
            assert _names(run_json(capsys, "oncall", "who")) == names, at
    _past_stays(asker, seen)
    site.close()


def _past_stays(asker: Asker, seen: list[tuple[datetime, Names]]) -> None:
    """What the calendar says afterwards of each of these instants is what was said then."""
    asked = f"from={quote(START.isoformat())}&to={quote((START + YEAR).isoformat())}"
    for rota in ROTAS:
        turns = asker.get(f"/api/v1/oncall/{rota}?{asked}")["turns"]
        for at, names in seen:
            (turn,) = [
                one
                for one in turns
                if datetime.fromisoformat(one["from"]) <= at < datetime.fromisoformat(one["to"])
            ]
            assert [seat["name"] for seat in turn["seats"]] == names[rota], (at, rota)
    assert any(not some for _, names in seen for some in names.values()), "nobody is on call now and then"
