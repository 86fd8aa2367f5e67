"""The page about on call, read without a browser: what it says, and what its buttons do."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.web.support.site import PLAN, Site
from tests.web.test_pages import text_of
from tocsin.core.model import PersonId
from tocsin.core.oncall import Override
from tocsin.store import directory, overrides
from tocsin.store.access import TokenKind
from tocsin.store.overrides import Arranged
from tocsin.store.transaction import Transaction
from tocsin.web import duty
from tocsin.web.auth import Viewer
from tocsin.web.pages.timeline import Window
from tocsin.web.times import Reader

OFFICE = PLAN.replace(
    "  secondary:",
    "  office: {people: [ben], starts: 2026-01-05 09:00, hours: Mon-Fri 09:00-17:00}\n  secondary:",
)
"""The demo's plan, and a rota that nobody has at night."""

SATURDAY_NIGHT = {
    "rota": "primary",
    "person": "dara",
    "from": "2026-11-28T20:00",
    "to": "2026-11-29T08:00",
    "for": "ben",
    "reason": "a wedding",
}


TAKEN = {"rota": "primary", "for": "ana", "to": "2026-11-23T09:00:00Z"}


def said(site: Site, person: str = "ana", path: str = "/on-call") -> str:
    answer = site.browser(person).get(path)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


def arranged(site: Site) -> list[Override]:
    return [one.override for one in site.store.read_now(partial(overrides.arranged, now=site.now))]


def refused(site: Site, **more: str) -> str:
    """What the page says of a form that it does not take; what was filled in stays there."""
    answer = site.browser("ana").post("/on-call/stand-in", SATURDAY_NIGHT | more)
    assert answer.status_code == 400
    assert 'value="a wedding"' in answer.text
    assert arranged(site) == []
    (problem,) = re.findall(r'<p class="problem"[^>]*>(.*?)</p>', answer.text)
    return str(problem)


def test_it_says_who_is_on_call_until_when_and_who_then(site: Site) -> None:
    text = said(site)
    assert "You are on call now: primary." in text
    assert "primary Ana Costa (you) until Mon 23 Nov 09:00 , then Ben Okafor" in text
    assert "secondary Ben Okafor until Mon 23 Nov 09:00 , then Chloe Martin" in text
    assert "Times are in Europe/Lisbon" in text
    # In Tokyo the same moment is in the evening.
    assert "until Mon 23 Nov 18:00 , then Chloe Martin" in said(site, "ben")
    assert "You have no turn in the next two weeks." in said(site, "dara")
    assert "Your next turn is in secondary, from Mon 23 Nov 09:00." in said(site, "chloe")


def test_the_days_are_those_of_the_reader_and_turns_are_whole(site: Site) -> None:
    text = said(site)
    assert "Mon 16 Nov 09:00 Mon 23 Nov 09:00 Ana Costa" in text
    assert "Mon 30 Nov 09:00 Mon 7 Dec 09:00 Chloe Martin" in text
    assert "Mon 7 Dec 09:00 Mon 14 Dec" not in text
    later = said(site, path="/on-call?from=2026-12-07")
    assert "Mon 7 Dec 09:00 Mon 14 Dec 09:00 Ana Costa" in later
    assert "You are on call now: primary." in later
    assert "These days are over." in said(site, path="/on-call?from=2026-01-20")


@pytest.mark.parametrize("day", ["soon", "2026-13-01", "9999-12-31", "0001-01-01", "%00"])
def test_a_day_that_is_none_is_refused(site: Site, day: str) -> None:
    answer = site.browser("ana").get(f"/on-call?from={day}")
    assert (answer.status_code, "is no day that can be shown. Write it like 2026-11-23." in answer.text) == (
        400,
        True,
    )


def test_gaps_are_marked_and_listed(tmp_path: Path) -> None:
    site = Site(tmp_path, plan=OFFICE)
    text = said(site)
    assert "office Nobody is on call until Mon 23 Nov 09:00 , then Ben Okafor" in text
    assert "Nobody is on call in office: Mon 23 Nov 17:00 to Tue 24 Nov 09:00 ." in text
    assert re.search(r"And \d+ more\. tocsin oncall gaps lists them all\.", text)
    assert site.browser("ana").get("/on-call").text.count('class="bar size-1 gap"') >= 5
    site.close()
    assert "In the next 30 days somebody is on call all the time." not in text


def test_without_gaps_it_says_so(site: Site) -> None:
    assert "In the next 30 days somebody is on call all the time." in said(site)


def test_a_stand_in_is_arranged_by_the_readers_own_clock_shown_and_taken_back(site: Site) -> None:
    ben = site.browser("ben")
    answer = ben.post("/on-call/stand-in", SATURDAY_NIGHT)
    assert (answer.status_code, answer.headers["location"]) == (303, "/on-call")
    (made,) = arranged(site)
    # Eight in the evening in Tokyo.
    assert (made.since, made.until) == (
        datetime(2026, 11, 28, 11, tzinfo=UTC),
        datetime(2026, 11, 28, 23, tzinfo=UTC),
    )
    assert (made.person, made.replaces, made.by, made.reason) == ("dara", "ben", "ben", "a wedding")
    text = said(site)
    assert "Dara Nolan for Ben Okafor in primary Sat 28 Nov 11:00 to Sat 28 Nov 23:00 “a wedding”" in text
    assert "arranged by Ben Okafor, just now" in text
    assert "Dara Nolan stands in for Ben Okafor: a wedding" in text
    answer = ben.post("/on-call/take-back", {"override": str(made.id)})
    assert (answer.status_code, arranged(site)) == (303, [])
    again = ben.post("/on-call/take-back", {"override": str(made.id)})
    assert (again.status_code, "That stand-in had ended already." in again.text) == (409, True)


@pytest.mark.parametrize("number", ["", "x", "-1", "٣", "9" * 30, "1 or 1"])
def test_what_is_no_stand_in_is_not_taken_back(site: Site, number: str) -> None:
    assert site.browser("ana").post("/on-call/take-back", {"override": number}).status_code == 409


def test_a_page_of_later_days_knows_who_stands_in_now(site: Site) -> None:
    dara = site.browser("dara")
    assert dara.post("/on-call/take-over", TAKEN).status_code == 303
    for day in ("2026-01-20", "2027-11-23", "2027-12-25", "2030-01-01"):
        text = said(site, "dara", f"/on-call?from={day}")
        assert "You are on call now: primary." in text, day


def test_a_button_pressed_twice_at_once_arranges_one_stand_in(site: Site) -> None:
    viewer = Viewer(site.store.read_now(directory.contacts)[PersonId("dara")], TokenKind.SESSION, "")
    asked = TAKEN | {"person": "dara", "from": site.now.isoformat()}

    async def twice() -> list[Arranged | BaseException]:
        both = (duty.arrange(site.services, viewer, asked) for _ in range(2))
        return await asyncio.gather(*both, return_exceptions=True)

    first, second = sorted(site.run(twice()), key=lambda one: not isinstance(one, Arranged))
    assert isinstance(first, Arranged)
    assert str(second).startswith("Ana Costa is not on call in primary in that time, or Dara Nolan is")
    assert len(arranged(site)) == 1


def test_whoever_has_just_taken_over_is_paged_and_nobody_else(site: Site) -> None:
    site.alert("uptime", "catalogue is down")  # the pager has just looked who is on call
    dara = site.browser("dara")
    dara.post("/on-call/take-over", TAKEN)
    site.alert("prometheus", "checkout is down")
    assert [page.person for page in site.incidents()[0].pages] == ["dara"]
    (made,) = arranged(site)
    dara.post("/on-call/take-back", {"override": str(made.id)})
    site.alert("prometheus", "checkout is down", action="resolve")
    site.alert("prometheus", "checkout is down again")
    assert [page.person for page in site.incidents()[0].pages] == ["ana"]


def test_one_takes_over_in_one_press_and_is_paged(site: Site) -> None:
    dara = site.browser("dara")
    html = dara.get("/on-call").text
    form = re.search(r'action="/on-call/take-over">(.*?)</form>', html, re.DOTALL)
    assert form is not None
    assert "Take over until then" in text_of(form[1])
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))
    assert fields == {"rota": "primary", "for": "ana", "to": "2026-11-23T09:00:00Z"}
    assert dara.post("/on-call/take-over", fields).status_code == 303
    assert "You are on call now: primary." in said(site, "dara")
    site.alert("prometheus", "checkout is down")
    assert site.incident().pages[0].person == "dara"
    again = dara.post("/on-call/take-over", fields)
    assert again.status_code == 409
    assert "Dara Nolan is on call anyway: nothing would change." in again.text
    site.advance(hours=7)
    late = dara.post("/on-call/take-over", fields)
    assert (late.status_code, "That is over already." in text_of(late.text)) == (409, True)


def test_where_nobody_is_on_call_one_takes_over_too(tmp_path: Path) -> None:
    site = Site(tmp_path, plan=OFFICE)
    wanted = {"rota": "office", "for": "", "to": "2026-11-23T09:00:00Z"}
    assert site.browser("dara").post("/on-call/take-over", wanted).status_code == 303
    assert "office Dara Nolan (you) stands in until Mon 23 Nov 09:00" in said(site, "dara")
    site.close()


def test_a_form_that_makes_no_sense_is_refused_where_it_does_not(site: Site) -> None:
    assert refused(site, to="2026-11-28T19:00") == (
        "The end is not after the beginning. Write the earlier time first."
    )
    assert refused(site, to="") == "Fill this in, then press the button again."
    assert refused(site, person="zoe").startswith("There is nobody called zoe.")
    assert refused(site, rota="none") == "There is no rota none. Rotas are: primary, secondary."
    assert refused(site, **{"from": "x"}).startswith("`x` is no time.")
    assert refused(site, **{"for": "chloe"}).startswith("Chloe Martin is not on call in primary in that time")


def test_another_sites_page_arranges_nothing(site: Site) -> None:
    for path in ("stand-in", "take-over", "take-back", "feed", "feed-end"):
        answer = site.browser("ana").post(f"/on-call/{path}", SATURDAY_NIGHT, sec_fetch_site="cross-site")
        assert answer.status_code == 403
    assert arranged(site) == []
    assert site.dump()["feeds"] == []


def test_the_address_of_ones_calendar_is_shown_once_made_anew_and_ended(site: Site) -> None:
    ana = site.browser("ana")
    found = []
    for _ in range(2):
        (url,) = re.findall(r"<code>(http://\S+\.ics)</code>", ana.post("/on-call/feed").text)
        found.append(url.removeprefix("http://tocsin.example"))
    page = ana.get("/on-call").text
    assert ".ics" not in page
    assert "You have a secret address since Mon 23 Nov 03:00 . A new one ends it." in text_of(page)
    assert [site.browser().get(path).status_code for path in found] == [404, 200]
    assert ana.post("/on-call/feed-end").status_code == 303
    assert [site.browser().get(path).status_code for path in found] == [404, 404]
    assert "A secret address lets your calendar program show your turns." in said(site)


def test_a_plan_without_rotas_and_a_server_without_a_plan_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    flat = re.sub(r"\nrotas:\n(  .*\n)+", "\n", PLAN).replace('"on call: primary"', "ana")
    flat = flat.replace('"on call: secondary"', "ben")
    site = Site(tmp_path / "one", plan=flat)
    text = said(site)
    assert "The plan in force has no rotas, so nobody takes turns. Add one to plan.yaml" in text
    site.store.write_now(_forget_plans)
    assert "No plan is in force, so nobody is paged." in said(site)
    site.close()


def _forget_plans(tx: Transaction) -> None:
    tx.exec_driver_sql("DELETE FROM plans")


def test_a_day_on_which_clocks_change_is_as_long_as_it_is() -> None:
    window = Window(datetime(2027, 3, 27, tzinfo=UTC).date(), 3, "Europe/London")
    assert window.until - window.since == timedelta(hours=71)
    picture = window.drawn({}, {}, {}, Reader("Europe/London", datetime(2027, 3, 28, 12, tzinfo=UTC)))
    assert [(day.name, day.width) for day in picture.days] == [
        ("Sat", "33.803%"),
        ("Sun", "32.394%"),
        ("Mon", "33.803%"),
    ]
    assert picture.now == "50.704%"
