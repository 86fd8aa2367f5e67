"""The API asks of an incident what its page asks: each deed has an address and a declared body."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.support.site import Site
from tocsin.core.deeds import DEEDS, OF_AN_INCIDENT, Deed
from tocsin.core.incident import Status, commands
from tocsin.core.model import PersonId


def ask(site: Site, deed: str, body: Any = None, *, person: str = "ana", incident: str = "") -> Any:
    path = f"/api/v1/incidents/{incident or site.incident().id}/{deed}"
    return site.browser(person).send(path, body)


def test_every_deed_is_declared_with_its_blanks(site: Site) -> None:
    schema: Any = site.app.openapi_schema.to_schema()
    for deed in DEEDS.values():
        operation = schema["paths"][f"/api/v1/incidents/{{incident}}/{deed.name}"]["post"]
        assert operation["summary"] == deed.means
        if not deed.blanks:
            assert "requestBody" not in operation
            continue
        name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        body = schema["components"]["schemas"][name]
        assert set(body["properties"]) == {blank.name for blank in deed.blanks}
        assert set(body.get("required", ())) == {blank.name for blank in deed.blanks if blank.required}


def test_a_deed_moves_the_incident_on(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    answer = ask(site, "mitigate", {"how": "rolled back"})
    assert (answer.status_code, answer.json()["status"]) == (200, "mitigated")
    assert site.incident().status is Status.MITIGATED


@pytest.mark.parametrize(
    ("deed", "body", "status", "detail"),
    [
        ("resolve", {"reason": " "}, 400, "`reason` is missing. What ended it?"),
        (
            "estimate",
            {"time": "soon"},
            400,
            "`soon` is no time for `time`. Write it like 30m, 15:30, or 2026-11-22 15:30.",
        ),
        ("restrict", {"people": ["eve"]}, 409, "There is nobody called eve in the directory."),
    ],
)
def test_what_cannot_be_done_is_said(
    site: Site, deed: str, body: dict[str, Any], status: int, detail: str
) -> None:
    site.alert("prometheus", "checkout is down")
    answer = ask(site, deed, body)
    assert (answer.status_code, answer.json()["detail"]) == (status, detail)


def test_a_body_without_what_is_required_is_refused(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    answer = ask(site, "resolve", {})
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "That does not fit: the body: Object missing required field `reason`."
        " What fits is in /api/v1/schema/openapi.json.",
    )
    assert site.incident().status is Status.TRIGGERED


@pytest.mark.parametrize(
    ("deed", "body", "said"),
    [
        (
            "resolve",
            {"reason": "x", "resaon": "y"},
            "the body: `resaon` means nothing here. Did you mean `reason`?",
        ),
        ("resolve", {"why": "x"}, "the body: `why` means nothing here. Use only: reason."),
        ("restrict", {"persons": []}, "the body: `persons` means nothing here. Use only: people, teams."),
        ("resolve", {"x" * 200: 1}, f"the body: `{'x' * 80}` means nothing here. Use only: reason."),
        ("resolve", ["reason"], "the body: Expected `object`, got `array`."),
    ],
)
def test_a_field_that_nobody_knows_is_refused(site: Site, deed: str, body: Any, said: str) -> None:
    site.alert("prometheus", "checkout is down")
    before = site.incident()
    answer = ask(site, deed, body)
    told = f"That does not fit: {said} What fits is in /api/v1/schema/openapi.json."
    assert (answer.status_code, answer.json()["detail"]) == (400, told)
    assert site.incident() == before


@pytest.mark.parametrize("deed", list(OF_AN_INCIDENT.values()), ids=lambda one: one.name)
def test_every_deed_refuses_what_it_does_not_know(site: Site, deed: Deed) -> None:
    site.alert("prometheus", "checkout is down")
    answer = ask(site, deed.name, {"nobody-knows-this": "x"})
    if deed.blanks:
        assert "`nobody-knows-this` means nothing here. " in answer.json()["detail"]
    else:
        told = f"That does not fit: `{deed.name}` asks nothing. Send no body."
        assert answer.json()["detail"] == told
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("incidents", {"sevrice": "checkout"}, "`sevrice` means nothing here. Did you mean `service`?"),
        (
            "overrides",
            {"start": "now"},
            "`start` means nothing here. Use only: rota, person, from, to, for, reason.",
        ),
        ("feeds", {"rotas": "primary"}, "`rotas` means nothing here. Did you mean `rota`?"),
    ],
)
def test_so_do_the_other_bodies(site: Site, path: str, body: dict[str, str], said: str) -> None:
    answer = site.browser("ana").send(f"/api/v1/{path}", body)
    told = f"That does not fit: the body: {said} What fits is in /api/v1/schema/openapi.json."
    assert (answer.status_code, answer.json()["detail"]) == (400, told)


@pytest.mark.parametrize("nothing", [None, {}], ids=["null", "empty"])
def test_nothing_is_a_body_for_what_asks_nothing(site: Site, nothing: Any) -> None:
    site.alert("prometheus", "checkout is down")
    assert ask(site, "acknowledge", nothing).status_code == 200


def test_the_actions_of_an_incident_are_the_names_of_deeds(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    site.ask("ana", commands.Resolve("fixed"))
    shown = site.browser("ana").get(f"/api/v1/incidents/{site.incident().id}").json()
    assert shown["actions"][:3] == ["reopen", "close", "false-positive"]
    assert set(shown["actions"]) < DEEDS.keys()


def restricted(site: Site) -> str:
    """An incident that Ben has, and that only he may see."""
    site.alert("prometheus", "a key has leaked")
    site.ask("ben", commands.Acknowledge("web"))
    site.ask("ben", commands.Restrict((PersonId("ben"),)))
    return site.incident().id


def test_a_restricted_incident_is_there_only_for_those_who_may_see_it(site: Site) -> None:
    id = restricted(site)
    for person, there in (("ben", True), ("ana", False)):
        browser = site.browser(person)
        assert ("a key has leaked" in browser.get("/").text) is there
        assert (browser.get(f"/incidents/{id}").status_code == 200) is there
        assert [one["id"] for one in browser.get("/api/v1/incidents").json()] == ([id] if there else [])
        assert (browser.get(f"/api/v1/incidents/{id}").status_code == 200) is there
        assert (ask(site, "note", {"text": "x"}, person=person, incident=id).status_code == 200) is there
        assert (browser.post(f"/incidents/{id}/note", {"text": "y"}).status_code == 303) is there


def test_nobody_named_lifts_the_restriction(site: Site) -> None:
    id = restricted(site)
    assert ask(site, "restrict", {}, person="ben", incident=id).status_code == 200
    assert site.browser("ana").get(f"/incidents/{id}").status_code == 200


def test_the_link_in_a_page_still_acknowledges(site: Site) -> None:
    site.alert("prometheus", "a key has leaked")
    site.ask("ben", commands.Restrict((PersonId("ben"),)))
    assert "Done, Ana Costa" in site.browser().post(site.links("ana")[0]).text


def test_a_figure_out_of_bounds_is_told_the_bound(site: Site) -> None:
    answer = site.browser("ana").get("/api/v1/incidents?limit=9999")
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "That does not fit: `limit`: Expected `int` <= 500. What fits is in /api/v1/schema/openapi.json.",
    )
