"""The API about who is on call, stand-ins, and the feed's secret address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.support.site import PEOPLE, PLAN, Site
from tests.web.test_feed import events
from tocsin import limits
from tocsin.core.model import PersonId
from tocsin.plan.people import read_people
from tocsin.store import access, directory, feeds, overrides
from tocsin.store.access import TokenKind


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


class Client:
    """A program with somebody's API token."""

    def __init__(self, site: Site, person: str) -> None:
        self._site = site
        add = partial(
            access.add,
            secret=f"token-{person}",
            kind=TokenKind.API,
            person=PersonId(person),
            name="test",
            now=site.now,
            until=site.now + timedelta(days=30),
        )
        site.store.write_now(add)
        self._headers = {"authorization": f"Bearer token-{person}", "content-type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._site.app)  # type: ignore[arg-type]  # two spellings of ASGI
            async with httpx.AsyncClient(transport=transport, base_url="http://tocsin.example") as client:
                content = json.dumps(body) if body is not None else None
                return await client.request(method, path, content=content, headers=self._headers)

        return self._site.run(send())

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stand_in(self, **more: Any) -> httpx.Response:
        wanted = {"rota": "primary", "person": "dara", "from": "2026-11-23T00:00", "to": "2026-11-24T09:00"}
        return self.ask("POST", "/api/v1/overrides", {**wanted, **more})


def people(answer: Any) -> dict[str, list[str]]:
    return {one["rota"]: [seat["name"] for seat in one["seats"]] for one in answer["rotas"]}


def test_who_is_on_call_now_and_at_a_time(site: Site) -> None:
    ana = Client(site, "ana")
    now = ana.get("/api/v1/oncall")
    assert people(now) == {"primary": ["Ana Costa"], "secondary": ["Ben Okafor"]}
    assert now["rotas"][0]["until"] == "2026-11-23T09:00:00+00:00"
    later = ana.get("/api/v1/oncall?at=2026-11-23T18:00 Asia/Seoul")
    assert later["at"] == "2026-11-23T09:00:00+00:00"
    assert people(later) == {"primary": ["Ben Okafor"], "secondary": ["Chloe Martin"]}


def test_turns_gaps_and_load(site: Site) -> None:
    ana = Client(site, "ana")
    listed = ana.get("/api/v1/oncall/primary?from=2026-11-23T00:00&to=2026-12-01")
    assert [(one["from"], [seat["person"] for seat in one["seats"]]) for one in listed["turns"]] == [
        ("2026-11-23T00:00:00+00:00", ["ana"]),
        ("2026-11-23T09:00:00+00:00", ["ben"]),
        ("2026-11-30T09:00:00+00:00", ["chloe"]),
    ]
    assert ana.get("/api/v1/gaps")["findings"] == []
    carried = ana.get("/api/v1/load?rota=primary&from=2026-11-23T00:00&to=2026-11-24T00:00")["people"]
    assert [(one["person"], one["hours"]) for one in carried] == [("ben", 15.0), ("ana", 9.0), ("chloe", 0.0)]


def test_nights_are_counted_where_people_live(site: Site) -> None:
    site.now -= timedelta(days=7)
    asked = "/api/v1/load?rota=primary&from=2026-11-23T12:00&to=2026-11-23T17:00"
    carried = Client(site, "ana").get(asked)["people"]
    # In Tokyo, where ben lives, it is nine in the evening to two at night.
    assert [(one["person"], one["nights"]) for one in carried] == [("ben", 1), ("ana", 0), ("chloe", 0)]


def test_somebody_stands_in_is_paged_and_the_turn_goes_back(site: Site) -> None:
    ana = Client(site, "ana")
    made = ana.stand_in(**{"for": "ana", "reason": "dentist"})
    assert made.status_code == 200
    override = made.json()
    assert (override["by"], override["person"], override["for"]) == ("ana", "dara", "ana")
    assert override["from"] == "2026-11-23T03:00:00+00:00", "it cannot have counted before it was made"
    assert people(ana.get("/api/v1/oncall"))["primary"] == ["Dara Nolan"]
    site.alert("prometheus", "checkout is down")
    assert [person for _, _, person in sent(site)] == ["Dara Nolan"]
    taken_back = Client(site, "ben").ask("DELETE", f"/api/v1/overrides/{override['id']}")
    assert taken_back.status_code == 200
    assert people(ana.get("/api/v1/oncall"))["primary"] == ["Ana Costa"]
    (listed,) = ana.get("/api/v1/overrides")
    assert (listed["by"], listed["removed_by"], listed["reason"]) == ("ana", "ben", "dentist")


def sent(site: Site) -> list[tuple[str, str, str]]:
    rows = site.dump()["mailbox"]
    return [("", "", json.loads(row)[3]) for row in rows]


def test_the_past_stays_explained_when_a_stand_in_is_taken_back(site: Site) -> None:
    ana = Client(site, "ana")
    override = ana.stand_in().json()
    site.now += timedelta(hours=2)
    ana.ask("DELETE", f"/api/v1/overrides/{override['id']}")
    listed = ana.get("/api/v1/oncall/primary?from=2026-11-23T00:00&to=2026-11-23T09:00")["turns"]
    assert [(one["from"][11:16], one["seats"][0]["person"]) for one in listed] == [
        ("00:00", "ana"),
        ("03:00", "dara"),
        ("05:00", "ana"),
    ]


REFUSED = [
    (404, {"rota": "tertiary"}, "There is no rota tertiary. Rotas are: primary, secondary."),
    (400, {"person": "zoe"}, "There is nobody called zoe. Name somebody by id, as people.yaml does."),
    (400, {"for": "zoe"}, "There is nobody called zoe. Name somebody by id, as people.yaml does."),
    (400, {"from": "soon"},
     "`soon` is no time. Write it like 2026-11-22T03:00 or 2026-11-22T03:00 Asia/Seoul."),
    (400, {"from": "2026-11-25", "to": "2026-11-24"},
     "The end is not after the beginning. Write the earlier time first."),
    (400, {"to": "2026-11-22"}, "That is over already. Let it end later than now."),
    (400, {"from": "2026-11-22T12:00", "to": "2026-11-23T03:00"},
     "That is over already. Let it end later than now."),
    # London's clocks skip this hour, so both mean its end.
    (400, {"from": "2027-03-28T01:10", "to": "2027-03-28T01:50"},
     "The end is not after the beginning. Write the earlier time first."),
    (400, {"reason": "x", "rota": ""}, "`rota` is missing. In which rota?"),
    (400, {"person": "ana", "to": "2026-11-23T09:00"},
     "Ana Costa is on call in primary all that time anyway. Name somebody else, or another time."),
    (400, {"for": "chloe", "to": "2026-11-23T09:00"},
     "Chloe Martin is not on call in primary in that time, or Dara Nolan is on call anyway: "
     "nothing would change. Look whose turn it is."),
    (400, {"person": "a\0"}, "There is nobody called a\0. Name somebody by id, as people.yaml does."),
    (400, {"from": "-"}, "`-` is no time. Write it like 2026-11-22T03:00 or 2026-11-22T03:00 Asia/Seoul."),
    (400, {"to": "2028-11-22"}, "Nobody stands in for more than 366 days. Change the plan instead."),
]  # fmt: skip


@pytest.mark.parametrize(("status", "wanted", "sentence"), REFUSED)
def test_a_stand_in_that_makes_no_sense_is_refused(
    site: Site, status: int, wanted: dict[str, str], sentence: str
) -> None:
    answer = Client(site, "ana").stand_in(**wanted)
    assert (answer.status_code, answer.json()["detail"]) == (status, sentence)
    assert site.store.read_now(partial(overrides.newest, limit=10)) == []


def test_the_same_stand_in_is_not_arranged_twice(site: Site) -> None:
    ana = Client(site, "ana")
    assert ana.stand_in().status_code == 200
    again = ana.stand_in()
    assert (again.status_code, "is on call in primary all that time anyway" in again.text) == (400, True)
    # Somebody else may take it over, and whoever was first may take it back.
    assert ana.stand_in(person="chloe").status_code == 200
    assert ana.stand_in().status_code == 200


def test_whoever_nothing_reaches_stands_in_for_nobody(tmp_path: Path) -> None:
    site = Site(tmp_path, people=PEOPLE + "eli: {name: Eli Park, channels: {phone: '+820000'}}\n")
    answer = Client(site, "ana").stand_in(person="eli")
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "Nothing that Tocsin sends reaches Eli Park, so nobody would be paged. "
        "Give them a channel in people.yaml first.",
    )
    site.close()


def test_one_can_stand_in_for_somebody_who_has_left(tmp_path: Path) -> None:
    site = Site(tmp_path, plan=PLAN.replace("people: [ana, ben, chloe]", "people: [eli, ben, chloe]"))
    ana = Client(site, "ana")
    assert ana.stand_in(**{"for": "eli"}).status_code == 200
    assert people(ana.get("/api/v1/oncall"))["primary"] == ["Dara Nolan"]
    site.close()


def test_a_reason_is_one_line_that_every_database_keeps(site: Site) -> None:
    made = Client(site, "ana").stand_in(reason=" a\0b\r\n\x1b[31mc " + "d" * 1_000)
    assert made.json()["reason"] == ("a b [31mc " + "d" * 1_000)[: limits.REASON_CHARACTERS]


def test_there_is_an_end_to_stand_ins(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OVERRIDES", 1)
    ana = Client(site, "ana")
    assert ana.stand_in().status_code == 200
    assert ana.stand_in(person="chloe").json()["detail"] == (
        "1 stand-ins are arranged already. Take some back, or change the plan."
    )


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/api/v1/oncall/nobody", 404, "There is no rota nobody. Rotas are: primary, secondary."),
        ("/api/v1/oncall?at=9999-01-01", 400,
         "`9999-01-01` is no time. Write it like 2026-11-22T03:00 or 2026-11-22T03:00 Asia/Seoul."),
        ("/api/v1/gaps?from=2026-11-22&to=2026-11-21", 400,
         "The end is not after the beginning. Write the earlier time first."),
        ("/api/v1/load?from=2026-11-22&to=2036-11-21", 400,
         "That is more than 400 days. Ask for less at once."),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(site: Site, path: str, status: int, sentence: str) -> None:
    answer = Client(site, "ana").ask("GET", path)
    assert (answer.status_code, answer.json()["detail"]) == (status, sentence)


@pytest.mark.parametrize("id", [7, -1, 2**63, 10**30])
def test_nobody_can_take_back_what_is_not_there(site: Site, id: int) -> None:
    answer = Client(site, "ana").ask("DELETE", f"/api/v1/overrides/{id}")
    said = f"There is no override {id} that still counts."
    assert (answer.status_code, answer.json()["detail"]) == (404, said)


def feed(site: Site, url: str) -> httpx.Response:
    return site.browser().get(url.removeprefix("http://tocsin.example"))


def test_a_feed_has_a_secret_address_that_can_be_renewed(site: Site) -> None:
    ana = Client(site, "ana")
    first = ana.ask("POST", "/api/v1/feeds", {"rota": "primary"}).json()["url"]
    answer = feed(site, first)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "private"
    assert "SUMMARY:Ben Okafor on call: primary" in answer.text
    assert "@example.com" not in answer.text
    second = ana.ask("POST", "/api/v1/feeds", {"rota": "primary"}).json()["url"]
    assert [feed(site, url).status_code for url in (first, second)] == [404, 200]
    assert site.dump()["feeds"] != []
    assert second.rpartition("/")[2].removesuffix(".ics") not in str(site.dump())


def test_a_feed_can_hold_ones_own_turns(site: Site) -> None:
    url = Client(site, "ana").ask("POST", "/api/v1/feeds", {}).json()["url"]
    text = feed(site, url).text
    assert "SUMMARY:Ana Costa on call: primary" in text
    assert "SUMMARY:Ana Costa on call: secondary" in text
    assert "Ben" not in text


def test_the_address_of_a_calendar_can_be_ended(site: Site) -> None:
    ana = Client(site, "ana")
    own = ana.ask("POST", "/api/v1/feeds", {}).json()["url"]
    rota = ana.ask("POST", "/api/v1/feeds", {"rota": "primary"}).json()["url"]
    ended = ana.ask("DELETE", "/api/v1/feeds")
    assert (ended.status_code, ended.json()) == (200, {"rota": "", "person": "ana"})
    assert [feed(site, url).status_code for url in (own, rota)] == [404, 200]
    assert ana.ask("DELETE", "/api/v1/feeds").json()["detail"] == "There is no address of that calendar."
    # A rota that the plan has no more still has its address.
    assert ana.ask("DELETE", "/api/v1/feeds?rota=primary").status_code == 200
    assert ana.ask("DELETE", "/api/v1/feeds?rota=a%00").status_code == 404
    assert feed(site, rota).status_code == 404


def test_an_event_stays_where_it_is_long_after_a_stand_in_that_ended_it(site: Site) -> None:
    ana = Client(site, "ana")
    url = ana.ask("POST", "/api/v1/feeds", {"rota": "primary"}).json()["url"]
    assert ana.stand_in(**{"to": "2026-11-23T06:00"}).status_code == 200
    seen: dict[str, str] = {}
    for wait in (timedelta(hours=1), timedelta(days=13), timedelta(days=1, hours=3)):
        for event in events(feed(site, url).text):
            assert seen.setdefault(event["UID"], event["DTSTART"]) == event["DTSTART"]
        site.now += wait
    # Two weeks later the feed begins between the stand-in's end and that of ana's turn.
    (first, *_) = events(feed(site, url).text)
    assert (first["SUMMARY"], first["DTSTART"]) == ("Ana Costa on call: primary", "20261123T060000Z")
    assert seen[first["UID"]] == first["DTSTART"]


def test_whoever_has_left_reads_their_calendar_no_more(site: Site) -> None:
    url = Client(site, "dara").ask("POST", "/api/v1/feeds", {}).json()["url"]
    assert feed(site, url).status_code == 200
    left = [one for one in read_people(PEOPLE) if one.id != "dara"]
    site.store.write_now(lambda tx: directory.replace_people(tx, left))
    assert feed(site, url).status_code == 404


@pytest.mark.parametrize("name", ["none.ics", "x", ".ics", "secret-1"])
def test_an_address_that_is_not_known_shows_nothing(site: Site, name: str) -> None:
    site.store.write_now(
        lambda tx: feeds.renew(tx, "secret-1", rota="primary", person="", by="ana", now=site.now)
    )
    assert site.browser().get(f"/oncall/{name}").status_code == 404
    assert site.browser().get("/oncall/secret-1.ics").status_code == 200


def test_a_feed_only_answers_get(site: Site) -> None:
    site.store.write_now(
        lambda tx: feeds.renew(tx, "secret-1", rota="primary", person="", by="ana", now=site.now)
    )
    assert site.browser().post("/oncall/secret-1.ics").status_code == 405
