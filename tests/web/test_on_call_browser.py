"""The page about on call in a real browser: by mouse, by keyboard, without script, on a phone, at night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.support.desk import Desk, desk_at, needs_chromium, wait_until
from tests.web.test_on_call import OFFICE, arranged

pytestmark = needs_chromium


@pytest.fixture
def desk(chromium: Browser, tmp_path: Path) -> Iterator[Desk]:
    """A desk with a rota that nobody has at night."""
    desk = desk_at(chromium, tmp_path, plan=OFFICE)
    yield desk
    desk.close()


def fill(page: Page) -> None:
    """Ben is to stand in for ana, by her own clock."""
    page.get_by_label("In which rota?").select_option("primary")
    page.get_by_label("Who stands in?").select_option("Ben Okafor")
    page.get_by_label("Until when?").fill("2026-11-23T08:00")
    page.get_by_label("Why?").fill("dentist")


def test_it_is_found_in_the_navigation_and_a_stand_in_is_arranged_and_ended(desk: Desk) -> None:
    page = desk.open("/", "ana")
    page.get_by_role("link", name="On call").click()
    expect(page.locator("h1")).to_have_text("On call")
    expect(page.get_by_role("link", name="On call")).to_have_attribute("aria-current", "page")
    page.get_by_text("Arrange a stand-in").click()
    expect(page.get_by_label("Who stands in?")).to_have_value("ana")
    expect(page.get_by_label("From when?")).to_have_value("2026-11-23T03:00")
    fill(page)
    page.get_by_role("button", name="Let somebody stand in").click()
    expect(page.locator(".stand-ins")).to_contain_text("Ben Okafor in primary now")
    expect(page.get_by_role("list", name="On call now")).to_contain_text("stands in for Ana Costa: dentist")
    page.get_by_role("button", name="End it").click()
    expect(page.locator("main")).to_contain_text("Nobody stands in for anybody")


def test_one_press_takes_over_and_whoever_looks_on_sees_it(desk: Desk) -> None:
    page = desk.open("/on-call", "dara")
    page.get_by_role("button", name="Take over until then in primary").click()
    expect(page.locator(".stand")).to_have_text("You are on call now: primary.")
    assert page.url.endswith("/on-call")


def test_a_form_that_is_refused_says_where_and_keeps_what_was_filled_in(desk: Desk) -> None:
    page = desk.open("/on-call", "ana")
    page.get_by_text("Arrange a stand-in").click()
    fill(page)
    page.get_by_label("Until when?").fill("2026-11-23T02:00")
    page.get_by_role("button", name="Let somebody stand in").click()
    until = page.get_by_label("Until when?")
    # The page has been read again meanwhile, and has left the form alone.
    wait_until(page, lambda: desk.streams() == 1)
    page.wait_for_timeout(500)
    expect(until).to_be_focused()
    expect(until).to_have_attribute("aria-invalid", "true")
    expect(until).to_have_accessible_description("That is over already. Let it end later than now.")
    expect(page.get_by_label("Why?")).to_have_value("dentist")
    assert arranged(desk.site) == []


def test_everything_works_by_keyboard_and_without_script(desk: Desk) -> None:
    page = desk.open("/on-call", "ana", java_script_enabled=False)
    summary = page.get_by_text("Arrange a stand-in")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("pri")
    page.keyboard.press("Tab")
    page.keyboard.type("Ben")
    fill(page)
    page.get_by_label("Why?").press("Enter")
    expect(page.locator(".stand-ins")).to_contain_text("Ben Okafor in primary")
    calendar = page.get_by_text("office, turn by turn")
    calendar.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table")).to_contain_text("Nobody")


def test_a_new_address_stays_while_the_page_lives_on(desk: Desk) -> None:
    page = desk.open("/on-call", "ana")
    page.get_by_role("button", name="Make an address").click()
    address = page.locator("code", has_text=".ics")
    expect(address).to_be_visible()
    # The page is read again when it is looked at again.
    with page.expect_response("**/on-call"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("button", name="End the address")).to_be_visible()
    expect(address).to_be_visible()
    page.reload()
    expect(address).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_picture_can_be_read_in_light_and_dark(desk: Desk, width: int) -> None:
    for scheme in ("light", "dark"):
        page = desk.open("/on-call", "ana", color_scheme=scheme, viewport={"width": width, "height": 844})
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shown = page.locator(".bar text:visible").all_text_contents()
        assert "Chloe Martin" in shown
        worst = page.evaluate(CONTRAST)
        assert worst >= 4.5, scheme
        # What the picture says is said in words too, and only there to those who hear the page.
        expect(page.locator(".chart")).to_have_attribute("aria-hidden", "true")


CONTRAST = """
() => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((part) => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  return Math.min(...[...document.querySelectorAll(".bar:not(.gap)")].map((bar) => {
    const [one, other] = [light(getComputedStyle(bar.querySelector("text")).fill),
      light(getComputedStyle(bar.querySelector(".body")).fill)].sort((a, b) => b - a);
    return (one + .05) / (other + .05);
  }));
}
"""
