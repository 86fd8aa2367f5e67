"""What the pages show, read without a browser."""

from __future__ import annotations

import re
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, meta

from tests.web.support.scenes import busy_night
from tests.web.support.site import PLAN, Site
from tocsin.core.incident import TRANSITIONS, Status, commands
from tocsin.core.incident.asking import NAMES
from tocsin.core.model import Outcome, Receipt
from tocsin.store.errors import Conflict
from tocsin.web.pages import incident
from tocsin.web.pages.acknowledge import AcknowledgePage, BadLinkPage
from tocsin.web.pages.declare import DeclarePage
from tocsin.web.pages.errors import ErrorPage
from tocsin.web.pages.incident import IncidentPage
from tocsin.web.pages.incidents import IncidentsPage
from tocsin.web.pages.mailbox import MailboxPage
from tocsin.web.pages.on_call import OnCallPage
from tocsin.web.pages.sign_in import LinkPage, SignInPage
from tocsin.web.pages.sign_in_message import AskedPage

TEMPLATES = Path(__file__).parents[2] / "src/tocsin/web/templates"
CONTEXTS: dict[str, type[Any]] = {
    "acknowledge.html": AcknowledgePage,
    "bad_link.html": BadLinkPage,
    "error.html": ErrorPage,
    "incident.html": IncidentPage,
    "incidents.html": IncidentsPage,
    "mailbox.html": MailboxPage,
    "on_call.html": OnCallPage,
    "sign_in.html": SignInPage,
    "declare.html": DeclarePage,
    "sign_in_asked.html": AskedPage,
    "sign_in_link.html": LinkPage,
}
SHARED = {"base.html", "forms.html", "parts.html"}


def text_of(html: str) -> str:
    """The page without tags, each run of space as one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("template", CONTEXTS)
def test_a_template_shows_its_whole_context_and_nothing_else(template: str) -> None:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    used = meta.find_undeclared_variables(environment.parse((TEMPLATES / template).read_text()))
    assert used - {"forms", "parts"} | {"frame"} == {field.name for field in fields(CONTEXTS[template])}


def test_every_template_has_its_context() -> None:
    assert {path.name for path in TEMPLATES.iterdir()} == CONTEXTS.keys() | SHARED


class Checker(HTMLParser):
    """Finds what a strict content security policy would refuse, and ids that are not unique."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.problems += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.problems.append(f"inline {tag}")
        for name in ("href", "src", "action"):
            if (given.get(name) or "/").lower().startswith(("javascript:", "data:", "//")):
                self.problems.append(f"{tag} {name}={given[name]}")


def every_page(site: Site) -> dict[str, str]:
    """The HTML of every page there is, after a busy night."""
    ids = busy_night(site)
    ana, nobody = site.browser("ana"), site.browser()
    pages = {f"incident {name}": ana.get(f"/incidents/{id}") for name, id in ids.items()}
    pages["resolved"] = ana.get(f"/incidents/{site.incidents()[-1].id}")
    pages["list"] = ana.get("/")
    pages["declare"] = ana.get("/declare")
    pages["on call"] = ana.get("/on-call")
    pages["on call later"] = ana.get("/on-call?from=2027-03-20")
    pages["no stand-in"] = ana.post("/on-call/stand-in")
    pages["a new address"] = ana.post("/on-call/feed")
    pages["mailbox"] = nobody.get("/mailbox", host="127.0.0.1:8080")
    pages["sign in"] = nobody.get("/sign-in")
    pages["asked for a link"] = nobody.post("/sign-in-message", {"email": "ana@example.com"})
    pages["sign-in link"] = nobody.get(site.sign_in_path("ana"))
    pages["used sign-in link"] = nobody.get("/sign-in/used")
    pages["bad link"] = nobody.get("/a/forged")
    pages["link"] = nobody.get(site.links("ana")[-1])
    pages["pressed link"] = nobody.post(site.links("ana")[-1])
    pages["not found"] = ana.get("/incidents/none")
    pages["refused"] = ana.post(f"/incidents/{ids['taken']}/acknowledge")
    pages["no reason"] = ana.post(f"/incidents/{ids['taken']}/resolve")
    return {name: answer.text for name, answer in pages.items()}


def test_pages_hold_no_inline_script_or_style_and_no_id_twice(large_site: Site) -> None:
    for name, html in every_page(large_site).items():
        checker = Checker()
        checker.feed(html)
        assert checker.problems == [], name
        assert len(checker.ids) == len(set(checker.ids)), name
        assert html.count("<h1") == 1, name


def test_the_empty_list_says_what_to_do_next(site: Site) -> None:
    said = site.browser("ana").get("/").text
    assert "All quiet" in said
    assert "<code>make alert</code>" in said
    assert "<code>tocsin alert &#34;Checkout is down&#34; --url http://tocsin.example</code>" in said
    assert '<a href="/mailbox">mailbox</a>' in said


def test_the_test_alert_goes_to_the_port_that_this_server_has(tmp_path: Path) -> None:
    site = Site(tmp_path, public_url="http://127.0.0.1:9191")
    assert "<code>make alert PORT=9191</code>" in site.browser("ana").get("/").text
    site.close()


def test_without_the_demo_there_is_no_mailbox_and_no_word_of_it(tmp_path: Path) -> None:
    site = Site(tmp_path, demo=False)
    said = site.browser("ana").get("/").text
    assert "make alert" not in said
    assert "mailbox" not in said.lower()
    assert "tocsin integration add NAME" in said
    assert site.browser().get("/mailbox").status_code == 404
    assert site.browser("ana").get("/mailbox").status_code == 404
    site.close()


def test_the_list_has_the_worst_first_and_says_who_is_asked_and_until_when(large_site: Site) -> None:
    ids = busy_night(large_site)
    html = large_site.browser("ana").get("/").text
    said = text_of(html)
    assert "4 open, 2 unanswered" in said
    assert "<title>(2) 4 open, 2 unanswered – Tocsin</title>" in html
    places = [html.index(ids[name]) for name in ("worst", "fresh", "taken", "waiting")]
    assert places == sorted(places)
    assert "P1 Critical Checkout: 37 % of payments fail" in said
    assert "Paging Ana Costa, Ben Okafor" in said
    assert "Acknowledged by Ben Okafor" in said
    assert "This level pages nobody" in said
    assert "2 alerts opened 6 min ago" in said
    assert '<span data-tick="countdown" aria-hidden="true">8:39</span>' in html
    assert "page Dara Nolan unless resolved" in said
    assert "Resolved lately" in said
    assert "Mail queue older than 10 minutes" in said


def test_one_that_calls_nobody_is_not_called_unanswered(large_site: Site) -> None:
    large_site.alert("searchwatch", "slow", severity="warning")
    assert "1 open, none calls for anybody" in large_site.browser("ana").get("/").text


def test_when_all_are_taken_the_list_says_so(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    site.ask("ana", commands.Acknowledge("web"))
    assert "1 open, all acknowledged" in site.browser("ana").get("/").text


def test_times_are_by_the_readers_own_clock_with_utc_beside(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    id = site.incident().id
    tokyo = site.browser("ben").get(f"/incidents/{id}").text
    lisbon = site.browser("ana").get(f"/incidents/{id}").text
    at = 'datetime="2026-11-23T03:00:00Z" title="2026-11-23 03:00:00 UTC"'
    assert f"<time {at}>12:00:00</time>" in tokyo
    assert f"<time {at}>03:00:00</time>" in lisbon
    assert "Times are in Asia/Tokyo" in tokyo


REACHED_BY: dict[Status, tuple[commands.IncidentCommand, ...]] = {
    Status.TRIGGERED: (),
    Status.ACKNOWLEDGED: (commands.Acknowledge("web"),),
    Status.MITIGATED: (commands.Mitigate("rolled back"),),
    Status.RESOLVED: (commands.Resolve("fixed"),),
    Status.CLOSED: (commands.Resolve("fixed"), commands.Close("all done")),
}


IN_VAIN = {"done", "update", "facts", "assign", "hand-over", "confirm"}
"""What the table allows, but this plan has nothing of the kind, or nothing waits for it."""


@pytest.mark.parametrize("status", REACHED_BY)
def test_the_buttons_are_those_that_the_transitions_allow(site: Site, status: Status) -> None:
    site.alert("prometheus", "checkout is down")
    for command in REACHED_BY[status]:
        site.ask("ana", command)
    id = site.incident().id
    assert site.incident().status is status
    html = site.browser("ana").get(f"/incidents/{id}").text
    actions = re.findall(rf'action="/incidents/{id}/([\w-]+)"', html)
    allowed = {NAMES[command] for command in TRANSITIONS[status]}
    assert len(actions) == len(set(actions))
    taken = {"acknowledge"} if status in (Status.ACKNOWLEDGED, Status.MITIGATED) else set()
    assert allowed - IN_VAIN - taken == set(actions)


def test_acknowledging_by_button_leads_back_to_the_incident(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    path = f"/incidents/{site.incident().id}"
    ana = site.browser("ana")
    answer = ana.post(f"{path}/acknowledge")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    said = text_of(ana.get(path).text)
    assert "Acknowledged by Ana Costa at 03:00" in said
    assert "Ana Costa acknowledged the incident on the web page." in said
    assert "Acknowledged by a person kept, due 03:05" in said


def test_whoever_comes_second_hears_who_was_first_and_when(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    path = f"/incidents/{site.incident().id}"
    site.advance(minutes=2)
    site.browser("ben").post(f"{path}/acknowledge")
    answer = site.browser("ana").post(f"{path}/acknowledge")
    assert answer.status_code == 409
    assert "This was already acknowledged by Ben Okafor at 03:02." in answer.text


def test_resolving_asks_for_a_reason_and_keeps_what_was_typed(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    path = f"/incidents/{site.incident().id}"
    ana = site.browser("ana")
    answer = ana.post(f"{path}/resolve", {"reason": "  \n "})
    assert answer.status_code == 400
    assert "Fill this in, then press the button again." in answer.text
    assert site.incident().status is Status.TRIGGERED
    assert ana.post(f"{path}/resolve", {"reason": " rolled\x00 back\n the deploy "}).status_code == 303
    assert "Ana Costa resolved the incident: rolled back the deploy." in ana.get(path).text
    late = ana.post(f"{path}/resolve", {"reason": "me too"})
    assert late.status_code == 409
    assert "This was already resolved at 03:00." in late.text


def test_an_incident_shows_the_proof_of_every_attempt(site: Site) -> None:
    site.email.answer = lambda _message: Receipt(Outcome.RETRYING, "451 greylisted")
    site.alert("prometheus", "checkout is down", key="k-77", links=("https://grafana.example.com/d/1",))
    site.advance(seconds=20)
    site.email.answer = lambda _message: Receipt(Outcome.ACCEPTED, "250 queued")
    site.advance(minutes=6)
    html = site.browser("ana").get(f"/incidents/{site.incident().id}").text
    said = text_of(html)
    assert "Refused, trying again by e-mail, attempts 1 to 4 451 greylisted 03:00:00 to 03:00:14" in said
    assert "Accepted by e-mail, attempt 5 250 queued 03:00:30" in said
    assert "Accepted by mailbox Kept in the local mailbox. 03:00:00" in said
    assert "Acknowledged by a person broken, due 03:05" in said
    assert "Ben Okafor Waiting for an answer" in said
    assert "k-77" in said
    assert '<a href="https://grafana.example.com/d/1" rel="noreferrer noopener external">' in html


def test_a_page_that_was_answered_or_called_off_says_so(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    site.advance(minutes=6)
    site.ask("ben", commands.Acknowledge("link"))
    said = text_of(site.browser("ana").get(f"/incidents/{site.incident().id}").text)
    assert "Ben Okafor Answered at 03:06" in said
    assert "Ana Costa Called off at 03:06: acknowledged by Ben Okafor" in said


def test_a_long_timeline_shows_its_end_and_all_of_it_when_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident, "TIMELINE_SHOWN", 5)
    site.alert("prometheus", "checkout is down")
    site.advance(hours=1)
    path = f"/incidents/{site.incident().id}"
    ana = site.browser("ana")
    short, whole = ana.get(path).text, ana.get(f"{path}?all").text
    more = whole.count("<li class=") - short.count("<li class=")
    assert more > 0
    assert f"Show all events, {more} more" in short
    assert "Show all events" not in whole
    assert f'data-page="{path}?all"' in whole
    assert "opened the incident" not in text_of(short)
    assert "opened the incident" in text_of(whole)


def test_an_incident_that_is_not_there_is_a_page_that_says_what_to_do(site: Site) -> None:
    answer = site.browser("ana").get("/incidents/INC-1")
    assert answer.status_code == 404
    assert "There is no incident INC-1." in answer.text
    assert "look for the incident in the list" in answer.text


def test_the_mailbox_shows_messages_and_their_link(site: Site) -> None:
    here = {"host": "127.0.0.1:8080"}
    assert "<code>make alert</code>" in site.browser().get("/mailbox", **here).text
    assert site.browser().get("/mailbox", host="evil.example").status_code == 404
    site.alert("prometheus", "checkout is down")
    html = site.browser().get("/mailbox", **here).text
    assert "To Ana Costa" in html
    assert "Ana Costa, you are being paged." in html
    (link,) = site.links("ana")
    assert f'href="{link}"' in html


def test_what_cannot_be_stored_is_said_with_what_to_do(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    ana = site.browser("ana")
    site.store._writer.stop()  # type: ignore[union-attr]  # as when the disk is gone
    answer = ana.post(f"/incidents/{site.incident().id}/acknowledge")
    assert answer.status_code == 503
    assert "The database did not answer or did not take this just now, so nothing has changed." in answer.text
    assert "Try again in a moment." in answer.text


def test_who_is_overtaken_each_time_hears_so_and_that_nothing_was_done(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.alert("prometheus", "checkout is down")

    def overtaken(*_given: Any, **_named: Any) -> None:
        raise Conflict("somebody was faster")

    monkeypatch.setattr("tocsin.engine.engine.apply", overtaken)
    answer = site.browser("ana").post(f"/incidents/{site.incident().id}/acknowledge")
    assert answer.status_code == 409
    said = "Others changed this at the same moment, so nothing was done. Look again, then ask once more."
    assert said in answer.text


ROOM_PLAN = """
facts:
  users_affected: {is: percent, ask: How many users are affected?}
  data_loss: {is: yes or no, ask: Has data been lost?}
roles:
  Commander: {for: "on call: primary", at: [P1]}
"""


def test_the_room_shows_what_is_known_who_does_what_and_what_is_to_be_done(tmp_path: Path) -> None:
    ladder = '      - {after: 5m, page: "on call: secondary"}\n      - {after: 15m'
    task = ladder.replace('secondary"}', 'secondary", tasks: [Open the war room]}')
    site = Site(tmp_path, plan=PLAN.replace(ladder, task) + ROOM_PLAN)
    site.alert("prometheus", "checkout is down")
    site.advance(minutes=6)
    ana, path = site.browser("ana"), f"/incidents/{site.incident().id}"
    before = text_of(ana.get(path).text)
    assert "Roles Commander Ana Costa by default" in before
    assert "Page Dara Nolan unless resolved" in before
    ana.post(f"{path}/facts", {"facts.users_affected": "60%", "facts.data_loss": "no"})
    ana.post(f"{path}/assign", {"role": "Commander", "person": "ben"})
    ana.post(f"{path}/estimate", {"time": "30m"})
    ana.post(f"{path}/link", {"to": "javascript:alert(1)", "what": "no address"})
    site.browser("ben").post(f"{path}/hand-over", {"role": "Commander", "giver": "ben", "taker": "ana"})
    html = ana.get(path).text
    said = text_of(html)
    assert "Has data been lost? no Ana Costa, 03:06" in said
    assert "Expected to be resolved 03:36" in said
    assert "Commander Ben Okafor to be handed over to Ana Costa" in said
    assert 'href="javascript' not in html
    assert f'action="{path}/confirm"' in html
    assert f'action="{path}/confirm"' not in site.browser("ben").get(path).text
    assert "Open the war room" in said
    assert ana.post(f"{path}/done", {"what": "task:1"}).status_code == 303
    assert "Open the war room step 2 of P1 done 03:06" in text_of(ana.get(path).text)
    site.close()


def test_people_who_are_only_told_stand_beside_those_who_are_paged(tmp_path: Path) -> None:
    told = PLAN.replace('{after: 5m, page: "on call: secondary"}', "{after: 5m, tell: [ben, chloe]}")
    site = Site(tmp_path, plan=told)
    site.alert("prometheus", "checkout is down")
    site.advance(minutes=6)
    said = text_of(site.browser("ana").get(f"/incidents/{site.incident().id}").text)
    assert (
        "People told Ben Okafor, Chloe Martin 03:05:00 , by mailbox Step 2 of P1: nobody else is paged."
        in said
    )
    site.close()
