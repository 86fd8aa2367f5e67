"""A person opens an incident: on the page, through the API, on the command line."""

from __future__ import annotations

from pathlib import Path

from tests.web.support.site import PLAN, Site
from tests.web.test_pages import text_of
from tocsin.core.incident import Status
from tocsin.core.model import Actor, ActorKind


def test_an_incident_is_declared_on_the_page_and_pages_people(site: Site) -> None:
    ana = site.browser("ana")
    assert 'href="/declare"' in ana.get("/").text
    assert "Which service?" in text_of(ana.get("/declare").text)
    answer = ana.post("/declare", {"title": "nobody can pay", "service": "checkout", "level": "P2"})
    incident = site.incident()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{incident.id}")
    assert (incident.title, incident.level, incident.status) == ("nobody can pay", "P2", Status.TRIGGERED)
    assert incident.pages
    said = text_of(ana.get(f"/incidents/{incident.id}").text)
    assert "Ana Costa opened the incident at level P2: a person says so." in said


def test_what_is_missing_is_asked_for_and_what_was_said_is_kept(site: Site) -> None:
    answer = site.browser("ana").post("/declare", {"title": "nobody can pay"})
    assert answer.status_code == 400
    assert 'value="nobody can pay"' in answer.text
    assert "Fill this in, then press the button again." in answer.text
    assert site.incidents() == []


def test_a_service_that_has_an_open_incident_says_where_to_go(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    answer = site.browser("ana").post("/declare", {"title": "nobody can pay", "service": "checkout"})
    assert answer.status_code == 409
    said = f"Checkout has an open incident, {site.incident().id}: say there what you know."
    assert said in answer.text


def test_without_a_level_the_plan_judges_by_the_facts(tmp_path: Path) -> None:
    plan = PLAN.replace("classify:", "classify:\n  - {level: P3, when: not down}")
    site = Site(tmp_path, plan=plan + "\nfacts: {down: {is: yes or no, ask: Is it down?}}\n")
    body = {"title": "slow", "service": "checkout", "facts": {"down": "no"}}
    answer = site.browser("ana").send("/api/v1/incidents", body)
    assert (answer.status_code, answer.json()["status"]) == (200, "triggered")
    assert site.incident().level == "P3"
    assert site.incident().facts["down"].by == Actor(ActorKind.PERSON, "ana")  # type: ignore[index]  # its id
    site.close()


def test_a_program_hears_what_is_wrong(site: Site) -> None:
    answer = site.browser("ana").send("/api/v1/incidents", {"title": "x", "service": "nothing"})
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The plan has no service nothing; it has checkout, catalogue.",
    )
