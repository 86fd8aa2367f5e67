"""The pages in a real browser: alive, usable by keyboard, in light and dark, and deaf to injected script."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.support.desk import BY_NAME, Desk, desk_at, needs_chromium, wait_until
from tests.web.support.scenes import busy_night
from tests.web.support.site import PEOPLE
from tocsin.core.incident import Status, commands
from tocsin.web.times import Reader, countdown

pytestmark = needs_chromium


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
    # Before typing, for which the browser itself brings a field into view that is not wholly there.
    assert page.evaluate("scrollY") == before
    page.keyboard.type("ck")
    expect(page.get_by_label("What ended it?")).to_have_value("rolled back")
    assert node.evaluate("(node) => node.isConnected")


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
        for path in (
            "/",
            f"/incidents/{ids['worst']}",
            "/on-call",
            "/mailbox",
            "/sign-in",
            desk.site.links("ana")[-1],
        ):
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
    stands_in = {"rota": "primary", "person": "ben", "from": "2026-11-23T04:00", "to": "2026-11-23T09:00"}
    for evil in EVIL:
        site.browser("ana").post("/on-call/stand-in", stands_in | {"for": "ana", "reason": evil})
        site.browser("ana").post("/on-call/stand-in", stands_in | {"person": "ana", "reason": evil})
    page = desk.open("/", "ana")
    incident = f"/incidents/{site.incident().id}"
    for path in (
        "/",
        incident,
        "/on-call",
        "/mailbox",
        "/sign-in",
        site.sign_in_path("ana"),
        site.links("ana")[0],
    ):
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
