"""Who may see and change what: the gate, sessions, foreign pages, and headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from litestar.routes import ASGIRoute, HTTPRoute

from tests.web.support.site import HTML, Browser, Site, free_port
from tests.web.test_oncall_api import Client
from tocsin.core.incident import Status
from tocsin.core.model import PersonId
from tocsin.store import access, directory
from tocsin.store.access import TokenKind
from tocsin.store.migrate import migrate
from tocsin.store.store import Store
from tocsin.web import incidents
from tocsin.web.auth import FOREIGN, PUBLIC, SESSION_IDLE, SESSION_MOST, Viewer
from tocsin.web.pages.sign_in import safe_next
from tocsin.web.site import SECURITY_HEADERS

OPEN_TO_EVERYBODY = {
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "POST /v2/enqueue",
    "GET /sign-in",
    "POST /sign-in",
    "GET /sign-in/{secret:str}",
    "POST /sign-in/{secret:str}",
    "POST /sign-in-message",
    "GET /a/{token:str}",
    "POST /a/{token:str}",
    "GET /static/{version:str}/{name:path}",
    "GET /oncall/{file:str}",
}
OPEN_IN_THE_DEMO = {"GET /mailbox", "GET /live"}
"""Whoever reads the demo's mailbox may also hear that it changed."""


def routes(site: Site) -> dict[str, bool]:
    """`METHOD /path` of every route, and whether it is marked PUBLIC."""
    found = {}
    for route in site.app.routes:
        if isinstance(route, ASGIRoute):
            found[f"POST {route.path}"] = bool(route.route_handler.opt.get(PUBLIC))
        elif isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in sorted(handler.http_methods - {"OPTIONS"}):
                    found[f"{method} {route.path}"] = bool(handler.opt.get(PUBLIC))
    return found


def filled(path: str, site: Site) -> str:
    """The path with real values in it."""
    given = {
        "incident": str(site.incident().id),
        "deed": "acknowledge",
        "secret": site.sign_in_path("ana").rpartition("/")[2],
        "token": site.links("ana")[0].rpartition("/")[2],
        "version": "old",
        "name": "tocsin.css",
        "path": "openapi.json",
        "rota": "primary",
        "override": "1",
        "file": "secret.ics",
    }
    return re.sub(r"\{(\w+):\w+\}", lambda found: given[found[1]], path)


@pytest.mark.parametrize("demo", [True, False])
def test_every_route_needs_a_sign_in_but_these(tmp_path: Path, demo: bool) -> None:
    site = Site(tmp_path, demo=demo)
    site.alert("prometheus", "checkout is down")
    marked = {route for route, public in routes(site).items() if public}
    assert marked == OPEN_TO_EVERYBODY | (OPEN_IN_THE_DEMO if demo else set())
    nobody = site.browser()
    for route in routes(site).keys() - marked:
        method, path = route.split()
        page = nobody.ask(method, filled(path, site), **HTML)
        program = nobody.ask(method, filled(path, site), accept="application/json")
        assert program.status_code == 401, route
        assert (page.status_code, page.headers.get("location", "")[:13]) == (303, "/sign-in?next") or (
            path.startswith("/api/") and page.status_code == 401
        ), route
    site.close()


@pytest.mark.parametrize("forwarded", [{}, {"x_forwarded_for": "198.51.100.7"}])
def test_figures_are_for_this_machine_and_for_tokens(tmp_path: Path, forwarded: dict[str, str]) -> None:
    """They name integrations. What a proxy passes on comes from this machine and is not this machine's."""
    site = Site(tmp_path, public_url="http://127.0.0.1:8080")
    far = site.browser(address="198.51.100.7")
    here = site.browser()
    assert here.get("/metrics").status_code == 200
    if forwarded:
        far = here
    refused = far.get("/metrics", accept="*/*", **forwarded)
    assert refused.status_code == 401
    assert refused.json()["detail"] == (
        "Figures name integrations, so they are for this machine and for tokens."
        " Send an API token as `Authorization: Bearer TOKEN`."
    )
    add = partial(access.add, person=PersonId("ana"), name="prometheus", now=site.now)
    until = site.now + timedelta(days=1)
    site.store.write_now(partial(add, secret="tocsin_prometheus", kind=TokenKind.API, until=until))
    answer = far.get("/metrics", authorization="Bearer tocsin_prometheus", **forwarded)
    assert answer.status_code == 200
    assert "tocsin_alerts_waiting 0.0" in answer.text
    assert far.get("/readyz", **forwarded).status_code == 200
    for path in ("/healthz", "/readyz"):
        head = far.ask("HEAD", path, **forwarded)
        assert (head.status_code, head.content) == (200, b"")
    site.close()


@pytest.mark.parametrize("demo", [True, False])
def test_head_is_answered_as_get_is_and_without_a_body(tmp_path: Path, demo: bool) -> None:
    site = Site(tmp_path, demo=demo)
    site.alert("prometheus", "checkout is down")
    paths = [filled(route.split()[1], site) for route in routes(site) if route.startswith("GET ")]
    ana = Client(site, "ana")
    paths += [ana.ask("POST", "/api/v1/feeds", {}).json()["url"], "/v2/enqueue", "/nowhere"]
    for browser in (site.browser("ana"), site.browser()):
        for path in paths:
            said, head = browser.ask("GET", path), browser.ask("HEAD", path)
            assert (head.status_code, head.content) == (said.status_code, b""), path
            for name in ("content-type", "location", "cache-control", "content-security-policy"):
                assert head.headers.get(name) == said.headers.get(name), path
    site.close()


def test_no_get_changes_anything(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    paths = [route.split()[1] for route in routes(site) if route.startswith("GET ")]
    browsers = [site.browser("ana"), site.browser()]
    filled_paths = [filled(path, site) for path in paths]
    before = site.dump()
    for path in filled_paths:
        for browser in browsers:
            assert browser.ask("GET", path, **HTML).status_code < 500, path
            browser.ask("HEAD", path)
    assert site.dump() == before


def test_every_page_answer_has_the_security_headers(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    for route in routes(site):
        method, path = route.split()
        if not path.startswith("/v2/"):
            answer = site.browser("ana").ask(method, filled(path, site), **HTML)
            if answer.status_code < 400:
                assert_guarded(answer, route)
    for path in ("/sign-in", "/sign-in/used", "/a/forged", "/mailbox"):
        answer = site.browser().get(path)
        assert_guarded(answer, path)
        assert answer.headers["cache-control"] == "no-store", path


@pytest.mark.parametrize("path", ["/nowhere", "/incidents/none", "/incidents/%00", "/api/v1/incidents/none"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_every_error_has_the_security_headers(site: Site, path: str, accept: str) -> None:
    answer = site.browser("ana").get(path, accept=accept)
    assert answer.status_code == 404
    assert_guarded(answer, path)


def assert_guarded(answer: httpx.Response, where: str) -> None:
    """It carries every header that keeps pages apart."""
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get(name) == value, f"{where} lacks {name}"


FOREIGN_HEADERS = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "", "origin": "https://evil.example"},
    {"origin": "https://evil.example"},
    {"origin": "http://tocsin.example.evil.example"},
    {"origin": "http://evil.example:80"},
]
OWN_HEADERS: list[dict[str, str]] = [
    {"sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"},
    {"origin": "http://tocsin.example"},
    {},
]


def press(browser: Browser, path: str, headers: dict[str, str]) -> httpx.Response:
    """A POST with exactly these headers about its origin."""
    return browser.ask("POST", path, **HTML, **headers)


@pytest.mark.parametrize("headers", FOREIGN_HEADERS)
def test_no_button_works_from_a_foreign_page(site: Site, headers: dict[str, str]) -> None:
    site.alert("prometheus", "checkout is down")
    before = site.dump()
    cookie = dict([site.cookie("ana")])
    signed_in = site.dump()
    assert before != signed_in
    link, sign_in = site.links("ana")[0], site.sign_in_path("ana")
    before = site.dump()
    ana = Browser(site, cookie, "127.0.0.1")
    incident = f"/incidents/{site.incident().id}"
    for path in (f"{incident}/acknowledge", f"{incident}/resolve", "/sign-out", "/sign-in", link, sign_in):
        answer = press(ana, path, headers)
        assert answer.status_code == 403, path
        assert FOREIGN.replace("'", "&#39;") in answer.text
        assert not answer.headers.get("set-cookie")
    assert site.dump() == before


@pytest.mark.parametrize("headers", OWN_HEADERS)
def test_a_button_of_our_own_works_in_every_browser(site: Site, headers: dict[str, str]) -> None:
    site.alert("prometheus", "checkout is down")
    path = f"/incidents/{site.incident().id}/acknowledge"
    assert press(site.browser("ana"), path, headers).status_code == 303


def test_a_mail_clients_view_without_an_origin_may_use_the_link_but_no_session(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    hidden = {"origin": "null"}
    incident = f"/incidents/{site.incident().id}/acknowledge"
    assert press(site.browser("ana"), incident, hidden).status_code == 403
    assert press(site.browser(), site.links("ana")[0], hidden).status_code == 200
    assert site.incident().status is Status.ACKNOWLEDGED


def test_an_id_that_postgresql_cannot_hold_is_no_incident(site: Site, postgres_url: str) -> None:
    store = Store(postgres_url)
    migrate(store.writing)
    viewer = Viewer(next(iter(site.store.read_now(directory.contacts).values())), TokenKind.SESSION, "")
    for read in (partial(incidents.one, people={}), partial(incidents.detail, viewer=viewer)):
        assert store.read_now(partial(read, services=site.services, incident="INC-1\0")) is None
    store.close()
    for button in ("acknowledge", "resolve"):
        answer = site.browser("ana").post(f"/incidents/INC-1%00/{button}", {"reason": "over"})
        assert answer.status_code == 404


def test_a_stream_is_not_given_to_a_foreign_page(site: Site) -> None:
    assert site.browser("ana").ask("GET", "/live", sec_fetch_site="cross-site").status_code == 403


def test_who_is_not_signed_in_comes_back_to_where_he_wanted_to_go(site: Site) -> None:
    answer = site.browser().get("/incidents/INC-7?all")
    assert answer.headers["location"] == "/sign-in?next=/incidents/INC-7%3Fall"
    page = site.browser().get(answer.headers["location"], host="localhost")
    assert 'name="next" value="/incidents/INC-7?all"' in page.text
    pressed = site.browser().post("/incidents/INC-7/acknowledge")
    assert pressed.headers["location"] == "/sign-in?next=/incidents/INC-7"


@pytest.mark.parametrize("path", ["/", "/incidents/INC-1", "/incidents/INC%231?all", "/mailbox"])
def test_a_path_of_ours_is_a_safe_place_to_go_on_to(path: str) -> None:
    assert safe_next(path) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "javascript:alert(1)",
        "evil",
        "/é",
    ],
)
def test_anything_else_leads_to_the_front_page(text: str) -> None:
    assert safe_next(text) == "/"


def test_a_sign_in_link_shows_a_button_and_only_the_button_signs_in(site: Site) -> None:
    path = site.sign_in_path("ana")
    browser = site.browser()
    for _ in range(3):
        assert "Sign in as Ana Costa" in browser.get(path).text
        assert browser.cookies == {}
    answer = browser.post(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert browser.get("/").status_code == 200
    assert site.browser().post(path).status_code == 410
    used = site.browser().get(path)
    assert used.status_code == 410
    assert "This link does not work any more" in used.text


def test_a_sign_in_link_is_too_old_after_a_quarter_of_an_hour(site: Site) -> None:
    path = site.sign_in_path("ana")
    site.now += timedelta(minutes=15)
    assert site.browser().post(path).status_code == 410


@pytest.fixture
def port(site: Site) -> Iterator[int]:
    """The site on a real port."""
    port = free_port()
    site.serve(port)
    yield port
    site.stop_serving()


def test_of_twenty_who_use_a_sign_in_link_at_once_one_gets_in(site: Site, port: int) -> None:
    url = f"http://127.0.0.1:{port}{site.sign_in_path('ana')}"
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: httpx.post(url, headers=HTML), range(20)))
    assert sorted(answer.status_code for answer in answers) == [303] + [410] * 19
    assert len(site.store.read_now(lambda tx: access.of_kind(tx, TokenKind.SESSION))) == 1


def test_over_https_the_cookie_is_bound_to_this_host(tmp_path: Path) -> None:
    site = Site(tmp_path, public_url="https://tocsin.example")
    cookie = site.browser().post(site.sign_in_path("ana")).headers["set-cookie"]
    assert cookie.startswith("__Host-tocsin=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie + ";"
    assert "Domain" not in cookie
    site.close()


def test_signing_in_again_ends_the_session_before(site: Site) -> None:
    ana = site.browser("ana")
    old = ana.cookies
    ana.post(site.sign_in_path("ben"))
    assert ana.cookies != old
    assert Browser(site, old, "127.0.0.1").get("/").status_code == 303


def test_signing_out_ends_the_session_on_the_server(site: Site) -> None:
    ana = site.browser("ana")
    old = ana.cookies
    assert ana.post("/sign-out").headers["location"] == "/sign-in"
    assert ana.cookies == {}
    assert Browser(site, old, "127.0.0.1").get("/").status_code == 303


def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_two_weeks(site: Site) -> None:
    unused, used = site.browser("ana"), site.browser("ana")
    began = site.now
    while site.now < began + SESSION_MOST - timedelta(hours=6):
        site.now += timedelta(hours=6)
        assert used.get("/sign-in").status_code == 200
        assert used.get("/").status_code == 200
        if site.now >= began + SESSION_IDLE:
            assert unused.get("/").status_code == 303
    site.now += timedelta(hours=6)
    assert used.get("/").status_code == 303


def test_the_demo_signs_people_in_by_one_click(site: Site) -> None:
    browser = Browser(site, {}, "127.0.0.1")
    page = browser.get("/sign-in?next=/incidents/INC-1", host="localhost:8080")
    assert "Sign in as Ana Costa" in page.text
    assert 'value="dara"' in page.text
    answer = browser.post("/sign-in", {"person": "ben", "next": "/incidents/INC-1"}, host="127.0.0.1:8080")
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/INC-1")
    assert "Ben Okafor" in browser.get("/").text


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.7", {"host": "127.0.0.1:8080"}),
        ("127.0.0.1", {"host": "evil.example"}),
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}),
        ("127.0.0.1", {"host": "localhost", "x_forwarded_for": "192.0.2.7"}),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=192.0.2.7"}),
    ],
)
def test_the_one_click_is_for_this_machine_alone(site: Site, address: str, headers: dict[str, str]) -> None:
    browser = Browser(site, {}, address)
    assert "Sign in as" not in browser.get("/sign-in", **headers).text
    answer = browser.post("/sign-in", {"person": "ana"}, **headers)
    assert answer.status_code == 403
    assert browser.cookies == {}


def test_without_the_demo_nobody_signs_in_by_one_click(tmp_path: Path) -> None:
    site = Site(tmp_path, demo=False)
    browser = Browser(site, {}, "127.0.0.1")
    assert "Sign in as" not in browser.get("/sign-in", host="localhost").text
    assert browser.post("/sign-in", {"person": "ana"}, host="localhost").status_code == 403
    site.close()


@pytest.mark.parametrize("person", ["", "nobody", "ana\x00", "Ana Costa"])
def test_one_clicks_only_for_people_there_are(site: Site, person: str) -> None:
    browser = Browser(site, {}, "127.0.0.1")
    assert browser.post("/sign-in", {"person": person}, host="localhost").status_code == 403
