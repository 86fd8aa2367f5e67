"""Of a restricted incident only those hear who may see it, whatever they ask and whatever it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.support.site import PLAN, Site
from tocsin.core.incident import Incident, commands
from tocsin.core.model import FactId, PersonId, RoleId

SECRET = (
    PLAN
    + """
facts: {leak: {is: yes or no, ask: Has something leaked?}}
roles: {Keeper: {for: chloe}}
escalate_when:
  Something leaked: {when: leak, restrict_to: "role: Keeper"}
"""
)


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Site]:
    """A site whose plan shows a leak to the Keeper alone."""
    site = Site(tmp_path, plan=SECRET)
    yield site
    site.close()


def post(site: Site, person: str, path: str, body: Any) -> tuple[int, str]:
    """What the API answers, and the sentence if it refuses."""
    answer = site.browser(person).send(f"/api/v1/incidents{path}", body)
    return answer.status_code, answer.json().get("detail", "")


def sees(site: Site, person: str, incident: str) -> bool:
    return site.browser(person).get(f"/api/v1/incidents/{incident}").status_code == 200


def two(site: Site) -> tuple[Incident, Incident]:
    """One of checkout, and a younger one of the catalogue."""
    site.alert("prometheus", "checkout is down")
    site.alert("uptime", "catalogue is down")
    younger, older = site.incidents()
    return older, younger


def test_a_role_is_whoever_has_it_in_the_incident(keeping: Site) -> None:
    keeping.alert("prometheus", "a key has leaked")
    keeping.ask("ana", commands.Acknowledge("web"))
    id = keeping.incident().id
    keeping.ask("ana", commands.SetFacts({FactId("leak"): "yes"}))
    assert [sees(keeping, one, id) for one in ("chloe", "dara")] == [True, False]
    keeping.ask("ana", commands.Assign(RoleId("Keeper"), PersonId("dara")))
    assert [sees(keeping, one, id) for one in ("chloe", "dara")] == [False, True]


def test_merging_shows_a_restricted_incident_to_nobody_else(site: Site) -> None:
    older, younger = two(site)
    only_ben = {"people": ["ben"]}
    site.ask("ben", commands.Acknowledge("web"), older.id)
    assert post(site, "ben", f"/{younger.id}/restrict", only_ben) == (200, "")
    said = f"Only ben may see {younger.id}: restrict {older.id} to them first."
    assert post(site, "ben", f"/{younger.id}/merge", {"into": older.id}) == (409, said)
    assert post(site, "ben", f"/{older.id}/restrict", {"people": ["ben", "dara"]}) == (200, "")
    assert post(site, "ben", f"/{younger.id}/merge", {"into": older.id}) == (409, said)
    assert post(site, "ben", f"/{older.id}/restrict", only_ben) == (200, "")
    assert post(site, "ben", f"/{younger.id}/merge", {"into": older.id}) == (200, "")
    assert not sees(site, "dara", older.id)


def test_nobody_merges_into_what_they_may_not_see(site: Site) -> None:
    older, younger = two(site)
    site.ask("ben", commands.Acknowledge("web"), older.id)
    site.ask("ben", commands.Restrict((PersonId("ben"),)), older.id)
    for into in (older.id, "INC-0"):
        answer = post(site, "dara", f"/{younger.id}/merge", {"into": into})
        assert answer == (404, f"There is no incident {into}.")
    assert post(site, "ben", f"/{younger.id}/merge", {"into": older.id}) == (200, "")


def test_a_link_to_what_one_may_not_see_is_as_good_as_any_other(site: Site) -> None:
    older, younger = two(site)
    site.ask("ben", commands.Acknowledge("web"), older.id)
    site.ask("ben", commands.Restrict((PersonId("ben"),)), older.id)
    for to in (older.id, "INC-0"):
        assert post(site, "dara", f"/{younger.id}/link", {"to": to, "what": "the same?"}) == (200, "")


PASSED_ON = "Checkout has an open incident that only some may see: what you say was passed on to them."


@pytest.mark.parametrize(("level", "raised"), [("P1", True), ("P3", False)])
def test_what_others_report_of_its_service_reaches_those_who_handle_it(
    site: Site, level: str, raised: bool
) -> None:
    site.alert("prometheus", "a key has leaked", severity="error")
    site.ask("ben", commands.Acknowledge("web"))
    site.ask("ben", commands.Restrict((PersonId("ben"),)))
    report = {"title": "nobody can pay", "service": "checkout", "level": level, "reason": "3 calls"}
    answer = site.browser("dara").send("/api/v1/incidents", report)
    site.settle()
    assert (answer.status_code, answer.json()) == (202, {"passed_on": PASSED_ON})
    shown = site.browser("ben").get(f"/api/v1/incidents/{site.incident().id}").json()
    assert any("nobody can pay\n3 calls" in one["sentence"] for one in shown["timeline"])
    assert site.incident().level == ("P1" if raised else "P2")
    assert bool(site.incident().pages) is raised


def test_the_page_too_says_that_it_was_passed_on(site: Site) -> None:
    site.alert("prometheus", "a key has leaked")
    site.ask("ben", commands.Acknowledge("web"))
    site.ask("ben", commands.Restrict((PersonId("ben"),)))
    answer = site.browser("dara").post("/declare", {"title": "nobody can pay", "service": "checkout"})
    assert answer.status_code == 202
    assert PASSED_ON in answer.text
    assert site.incident().id not in answer.text


def test_a_report_that_makes_no_incident_is_passed_on_to_nobody(site: Site) -> None:
    site.alert("prometheus", "a key has leaked")
    site.ask("ben", commands.Acknowledge("web"))
    site.ask("ben", commands.Restrict((PersonId("ben"),)))
    report = {"title": "nobody can pay", "service": "checkout", "level": "P9"}
    assert post(site, "dara", "", report) == (409, "The plan has no level P9; it has P1, P2, P3.")


def test_who_restricts_an_incident_to_others_still_sees_it(site: Site) -> None:
    site.alert("prometheus", "a key has leaked")
    site.ask("ben", commands.Acknowledge("web"))
    id = site.incident().id
    assert post(site, "dara", f"/{id}/restrict", {"people": ["chloe"]}) == (200, "")
    assert [sees(site, one, id) for one in ("chloe", "dara", "ana")] == [True, True, False]
    said = f"There is no incident {id}."
    assert post(site, "ana", f"/{id}/restrict", {"people": ["ana"]}) == (404, said)
    assert post(site, "dara", f"/{id}/restrict", {}) == (200, "")
    assert sees(site, "ana", id)
