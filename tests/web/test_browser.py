"""The pages in a real browser: alive, usable by keyboard, in light and dark, and deaf to injected script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.web.support.scenes import MORE_SERVICES, busy_night
from tests.web.support.site import PEOPLE, Site, free_port
from tocsin.core.incident import Status, commands
from tocsin.web.times import Reader, countdown

CHROMIUM = shutil.which("chromium")
LACKING = "Chromium is not on this machine; install it (Debian: apt-get install chromium)"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BY_NAME = "tocsin.test"

pytestmark = pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason=LACKING)

WATCH = """
window.faults = { push: (what) => console.error(`fault: ${what}`) };
addEventListener("securitypolicyviolation", (event) => {
  faults.push(`${event.violatedDirective} refused ${event.blockedURI}`);
});
"""
"""Whatever a page does that it should not is said on its console, which outlives the page."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the module: its driver keeps an event loop, which tests of others must not meet."""
    assert CHROMIUM is not None, LACKING
    by_name = f"--host-resolver-rules=MAP {BY_NAME} 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, by_name])
        yield browser
        browser.close()


@dataclass
class Desk:
    """A site that answers on a real port, and browsers in front of it."""

    site: Site
    chromium: Browser
    port: int
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(self, path: str, person: str = "", **look: Any) -> Page:
        """A new browser window at this page, signed in where a person is named."""
        context = self.chromium.new_context(**look)
        self.contexts.append(context)
        if person:
            name, value = self.site.cookie(person)
            context.add_cookies([{"name": name, "value": value, "url": self.site.services.public_url}])
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(5_000)
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        page.goto(self.site.services.public_url + path)
        return page

    def _heard(self, kind: str, text: str) -> None:
        # Chromium reports every answer of 400 and above on its console; that is no fault of the page.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.faults.append(text)

    def streams(self) -> int:
        """How many pages listen."""
        return len(self.site.services.changes._listeners)

    def close(self) -> None:
        """Close all windows; whatever a page complained of is a failure."""
        for context in self.contexts:
            context.close()
        self.site.close()
        assert self.faults == []


def desk_at(chromium: Browser, directory: Path, host: str = "127.0.0.1", **made: Any) -> Desk:
    """A desk whose site is known to browsers by this name."""
    port = free_port()
    desk = Desk(
        Site(directory, public_url=f"http://{host}:{port}", plan=MORE_SERVICES, **made), chromium, port
    )
    desk.site.serve(port)
    return desk


@pytest.fixture
def desk(chromium: Browser, tmp_path: Path) -> Iterator[Desk]:
    """A desk with nothing happening yet."""
    desk = desk_at(chromium, tmp_path)
    yield desk
    desk.close()


def test_the_list_shows_an_alert_as_it_comes_in_and_what_becomes_of_it(desk: Desk) -> None:
    page = desk.open("/", "ana")
    expect(page.locator("h1")).to_have_text("All quiet")
    desk.site.alert("prometheus", "checkout is down")
    expect(page.locator("h1")).to_have_text("1 open, 1 unanswered")
    expect(page.locator(".row-title")).to_have_text("checkout is down")
    expect(page).to_have_title("(1) 1 open, 1 unanswered – Tocsin")
    desk.site.ask("ben", commands.Acknowledge("web"))
    expect(page.locator(".row-who")).to_have_text("Acknowledged by Ben Okafor")
    desk.site.ask("ben", commands.Resolve("fixed"))
    expect(page.locator("h1")).to_have_text("All quiet")
    expect(page.get_by_role("list", name="Resolved incidents")).to_contain_text("checkout is down")


def test_the_mailbox_shows_a_page_as_it_lands_and_its_link_acknowledges(desk: Desk) -> None:
    page = desk.open("/mailbox")
    expect(page.locator("main")).to_contain_text("Nothing has arrived yet")
    desk.site.alert("prometheus", "checkout is down")
    page.get_by_role("link", name="Open the link").click()
    expect(page.locator("h1")).to_have_text("Ana Costa, you are being paged")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("h1")).to_have_text("Done, Ana Costa")
    assert desk.site.incident().status is Status.ACKNOWLEDGED


def test_an_incident_is_acknowledged_and_resolved_by_button(desk: Desk) -> None:
    desk.site.alert("prometheus", "checkout is down")
    page = desk.open(f"/incidents/{desk.site.incident().id}", "ana")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".stand")).to_contain_text("Acknowledged by Ana Costa at 03:00")
    page.get_by_text("Resolve", exact=True).click()
    page.get_by_label("What ended it?").fill("rolled back")
    page.get_by_role("button", name="Say that it is over").click()
    expect(page.locator(".stand")).to_contain_text("Resolved at 03:00")
    expect(page.get_by_text("Resolve", exact=True)).to_have_count(0)
    assert desk.site.incident().status is Status.RESOLVED


def test_a_reader_keeps_what_he_typed_where_he_is_and_what_he_opened(desk: Desk) -> None:
    desk.site.alert("prometheus", "checkout is down")
    desk.site.advance(hours=1)
    page = desk.open(f"/incidents/{desk.site.incident().id}", "ana", viewport={"width": 390, "height": 500})
    page.get_by_text("Resolve", exact=True).click()
    page.get_by_label("What ended it?").fill("rolled ba")
    page.evaluate("scrollTo(0, 120)")
    before = page.evaluate("scrollY")
    node = page.get_by_label("What ended it?").element_handle()
    desk.site.alert("prometheus", "checkout is slow")
    expect(page.locator(".alerts")).to_contain_text("checkout is slow")
    expect(page.get_by_label("What ended it?")).to_be_focused()
    page.keyboard.type("ck")
    expect(page.get_by_label("What ended it?")).to_have_value("rolled back")
    assert node.evaluate("(node) => node.isConnected")
    assert page.evaluate("scrollY") == before


def test_the_answer_to_a_refused_button_stays_while_the_page_lives_on(desk: Desk) -> None:
    desk.site.alert("prometheus", "checkout is down")
    path = f"/incidents/{desk.site.incident().id}"
    page = desk.open(path, "ana", java_script_enabled=True)
    page.evaluate("window.kept = document.querySelector('form[action$=acknowledge]').cloneNode(true)")
    desk.site.ask("ben", commands.Acknowledge("web"))
    desk.site.advance(minutes=1)
    page.evaluate("document.body.append(kept); kept.requestSubmit()")
    expect(page.locator(".notice")).to_have_text("This was already acknowledged by Ben Okafor at 03:00.")
    assert page.url.endswith(path)
    desk.site.alert("prometheus", "checkout is slow")
    expect(page.locator(".alerts")).to_contain_text("checkout is slow")
    expect(page.locator(".notice")).to_be_visible()


def test_everything_is_done_by_keyboard_alone(desk: Desk) -> None:
    desk.site.alert("prometheus", "checkout is down")
    page = desk.open("/")

    def tab_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "(document.activeElement.innerText || document.activeElement.id || '').trim()"
            )
            if focused == name:
                outline = page.evaluate(
                    "[document.activeElement, null].map((node) => node && ['', '::after'].map((part) =>"
                    " getComputedStyle(node, part || null).outlineStyle)).flat().join(' ')"
                )
                assert "solid" in outline, f"{name} does not show that it has the focus"
                return
        raise AssertionError(f"no way to {name}")

    tab_to("Sign in as Ana Costa")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("1 open, 1 unanswered")
    tab_to("Skip to the content")
    page.keyboard.press("Enter")
    tab_to("checkout is down")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("checkout is down")
    tab_to("Acknowledge")
    page.keyboard.press("Enter")
    expect(page.locator(".stand")).to_contain_text("Acknowledged by Ana Costa")
    tab_to("Resolve")
    page.keyboard.press("Enter")
    tab_to("resolve-reason")
    page.keyboard.type("rolled back")
    page.keyboard.press("Enter")
    expect(page.locator(".stand")).to_contain_text("Resolved")
    tab_to("Sign out")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Sign in")


def test_without_script_everything_works_that_pages_someone_at_night(desk: Desk) -> None:
    desk.site.alert("prometheus", "checkout is down")
    page = desk.open(desk.site.links("ana")[0], java_script_enabled=False)
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("h1")).to_have_text("Done, Ana Costa")
    page = desk.open(f"/incidents/{desk.site.incident().id}", "ana", java_script_enabled=False)
    page.get_by_text("Resolve", exact=True).click()
    page.get_by_label("What ended it?").fill("rolled back")
    page.get_by_role("button", name="Say that it is over").click()
    expect(page.locator(".stand")).to_contain_text("Resolved at 03:00")


def test_buttons_work_over_plain_http_by_the_machines_name(chromium: Browser, tmp_path: Path) -> None:
    """Browsers then send no Sec-Fetch-Site, and a page that hides its origin could press nothing."""
    desk = desk_at(chromium, tmp_path, BY_NAME)
    desk.site.alert("prometheus", "checkout is down")
    page = desk.open(f"/incidents/{desk.site.incident().id}", "ana")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".stand")).to_contain_text("Acknowledged by Ana Costa")
    # On such an origin the browser says, rightly, that this header needs https.
    desk.faults = [one for one in desk.faults if "Cross-Origin-Opener-Policy" not in one]
    desk.close()


def test_a_hidden_page_listens_to_nothing_and_catches_up_when_it_is_seen(desk: Desk) -> None:
    page = desk.open("/", "ana")
    page.wait_for_function("() => true")
    wait_until(page, lambda: desk.streams() == 1)
    see(page, hidden=True)
    wait_until(page, lambda: desk.streams() == 0)
    desk.site.alert("prometheus", "checkout is down")
    expect(page.locator("h1")).to_have_text("All quiet")
    see(page, hidden=False)
    expect(page.locator("h1")).to_have_text("1 open, 1 unanswered")
    wait_until(page, lambda: desk.streams() == 1)


def test_when_the_server_is_gone_the_page_says_so_and_when_it_is_back_it_goes_on(desk: Desk) -> None:
    page = desk.open("/", "ana")
    wait_until(page, lambda: desk.streams() == 1)
    desk.site.stop_serving()
    expect(page.locator("#stale")).to_contain_text("Tocsin cannot be reached since 03:00:")
    desk.site.alert("prometheus", "checkout is down")
    desk.site.serve(desk.port)
    expect(page.locator("h1")).to_have_text("1 open, 1 unanswered", timeout=10_000)
    expect(page.locator("#stale")).to_be_hidden()
    desk.faults.clear()


def test_in_a_storm_a_page_is_read_once_a_second_and_its_end_is_seen(desk: Desk) -> None:
    page = desk.open("/", "ana")
    wait_until(page, lambda: desk.streams() == 1)
    page.wait_for_timeout(1_200)
    read: list[str] = []
    page.on("request", lambda request: read.append(request.url))
    for number in range(12):
        desk.site.alert("prometheus", f"node {number} is down")
        page.wait_for_timeout(100)
    expect(page.locator(".row .facts")).to_contain_text("12 alerts")
    assert len(read) <= 6


def test_who_is_signed_out_elsewhere_is_led_to_signing_in(desk: Desk) -> None:
    page = desk.open("/", "ana")
    wait_until(page, lambda: desk.streams() == 1)
    page.context.clear_cookies()
    desk.site.alert("prometheus", "checkout is down")
    expect(page.locator("h1")).to_have_text("Sign in")
    assert page.url.endswith("/sign-in?next=/")


def test_the_browser_counts_as_the_server_does(desk: Desk) -> None:
    page = desk.open("/", "ana")
    module = page.evaluate("document.querySelector('link[href$=\"ticking.js\"]').href")
    spans = [0, 1, 59, 60, 272, 3_599, 3_600, 86_399, 86_400, 100_000, 400_000]
    now = desk.site.now
    ticked = page.evaluate(
        """async ([module, now, spans]) => {
          const { setClock, tick } = await import(module);
          const show = (kind, seconds) => {
            const time = document.createElement("time");
            time.dateTime = new Date(Date.parse(now) + seconds * 1000).toISOString();
            time.innerHTML = `<span data-tick="${kind}"></span>`;
            document.body.append(time);
            return time;
          };
          const all = spans.map((span) => [
            show("countdown", span + .5), show("countdown", -span - .5), show("age", -span - .5),
          ]);
          setClock(now);
          tick();
          return all.map((some) => some.map((one) => one.textContent));
        }""",
        [module, now.isoformat(), spans],
    )
    reader = Reader("UTC", now)
    for span, (left, late, age) in zip(spans, ticked, strict=True):
        assert left == countdown(of(span))
        assert late == (countdown(-of(span)) if span else "0:00")
        assert age == reader.moment(now - of(span)).age


def test_countdowns_tick_and_nobody_is_read_the_seconds(desk: Desk) -> None:
    desk.site.alert("prometheus", "checkout is down")
    page = desk.open(f"/incidents/{desk.site.incident().id}", "ana")
    clock = page.locator(".promises [data-tick=countdown]").first
    first = clock.text_content()
    assert first is not None
    expect(clock).not_to_have_text(first)
    assert page.locator("[role=status] [data-tick], [aria-live] [data-tick]").count() == 0
    assert page.locator("[data-tick=countdown]:not([aria-hidden=true])").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_light_and_dark_differ_and_nothing_runs_off_the_side(desk: Desk, width: int) -> None:
    ids = busy_night(desk.site)
    grounds = set()
    for scheme in ("light", "dark"):
        page = desk.open("/", "ana", color_scheme=scheme, viewport={"width": width, "height": 844})
        for path in ("/", f"/incidents/{ids['worst']}", "/mailbox", "/sign-in", desk.site.links("ana")[-1]):
            page.goto(desk.site.services.public_url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


EVIL = [
    "<script>window.faults.push('ran')</script>",
    "<img src=x onerror=\"window.faults.push('ran')\">",
    '"><svg onload="window.faults.push(\'ran\')">',
    "' autofocus onfocus='window.faults.push(1)' x='",
    "</title></textarea></pre><script>window.faults.push('ran')</script>",
    "{{ 7 * 7 }}{% raw %}${7*7}",
    "javascript:window.faults.push('ran')",
]


def test_what_sources_and_people_write_never_runs(chromium: Browser, tmp_path: Path) -> None:
    name = "Ana <img src=x onerror=window.faults.push(1)>"
    people = PEOPLE.replace("Ana Costa", f'"{name}"').replace(
        "Ben Okafor", "\"Ben <script>faults.push('ran')</script>\""
    )
    desk = desk_at(chromium, tmp_path, people=people)
    site = desk.site
    for number, evil in enumerate(EVIL):
        site.alert(
            "prometheus",
            evil,
            key=f"{number} {evil}",
            source=evil,
            component=evil,
            group=evil,
            event_class=evil,
            links=(evil, f"https://x.example/{evil}"),
        )
    site.advance(minutes=6)
    site.ask("ben", commands.Acknowledge(EVIL[1]))
    page = desk.open("/", "ana")
    incident = f"/incidents/{site.incident().id}"
    for path in ("/", incident, "/mailbox", "/sign-in", site.sign_in_path("ana"), site.links("ana")[0]):
        page.goto(site.services.public_url + path)
        page.wait_for_function("() => document.readyState === 'complete'")
        assert page.evaluate("[...document.scripts].every((one) => one.src)"), path
        assert (
            page.locator("main img, main iframe, main [onerror], main [onload], main [onfocus]").count() == 0
        )
        assert page.locator("a[href^='javascript' i]").count() == 0
        assert "49" not in page.title()
    # The morph takes the same words by another road.
    page.goto(site.services.public_url + incident)
    site.alert("prometheus", EVIL[1] + EVIL[0], source=EVIL[2])
    expect(page.locator(".alerts .summary").last).to_contain_text("<script>")
    page.goto(f"{site.services.public_url}/sign-in?next=javascript:faults.push(1)")
    site.ask("ana", commands.Resolve(EVIL[0]))
    page.goto(site.services.public_url + incident)
    expect(page.locator(".timeline")).to_contain_text(EVIL[0])
    desk.close()


def of(seconds: int) -> timedelta:
    """A length of time."""
    return timedelta(seconds=seconds)


def see(page: Page, *, hidden: bool) -> None:
    """Turn the page away, or back."""
    state = "hidden" if hidden else "visible"
    page.evaluate(
        f"""() => {{
          Object.defineProperty(document, "hidden", {{ value: {str(hidden).lower()}, configurable: true }});
          Object.defineProperty(document, "visibilityState", {{ value: "{state}", configurable: true }});
          document.dispatchEvent(new Event("visibilitychange"));
        }}"""
    )


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait, while the browser works on, until it holds."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came true")
