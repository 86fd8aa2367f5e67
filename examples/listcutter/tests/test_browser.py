"""The pages in a real browser: List Cutter's with and without script, and guard's operations page."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from examples.listcutter.tests.support import PEOPLE, SECRET, User, running

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
OPERATIONS = f"/health/operations#token={SECRET}"
PHONE = {"width": 360, "height": 740}

pytestmark = pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason=LACKING)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM is not None, LACKING
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    with running(tmp_path_factory.mktemp("browser")) as found:
        yield found


@contextmanager
def window(chromium: Browser, user: User, path: str, **look: Any) -> Iterator[Page]:
    """A page in a window of its own. What it says on the console that it should not fails the test."""
    context = chromium.new_context(base_url=str(user.http.base_url), **look)
    page, faults = context.new_page(), list[str]()
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(path)
    try:
        yield page
    finally:
        context.close()
    assert not faults


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_list_is_uploaded_looked_at_and_cut(chromium: Browser, user: User, script: bool) -> None:
    with window(chromium, user, "/", java_script_enabled=script) as page:
        file: FilePayload = {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE}
        page.get_by_label("A CSV file").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("people.csv")
        expect(page.get_by_role("cell", name="Cy, Jr")).to_be_visible()
        page.get_by_role("checkbox", name="Age").first.uncheck()
        page.get_by_label("Filter 1: column").select_option("City")
        page.get_by_label("Filter 1: value").fill("paris")
        page.get_by_label("Of rows that are the same, keep the first").check()
        page.get_by_role("button", name="Cut", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("2 rows in 1 part", timeout=15_000)
        with page.expect_download() as download:
            page.get_by_role("link", name="Part 1").click()
        assert download.value.suggested_filename == "people-part-001.csv"
        assert Path(download.value.path()).read_text() == 'Name,City\nAna,Paris\n"Cy, Jr",Paris\n'


def test_what_is_no_list_is_said_beside_the_form(chromium: Browser, user: User) -> None:
    context = chromium.new_context(base_url=str(user.http.base_url))
    page = context.new_page()
    page.goto("/")
    file: FilePayload = {"name": "x.csv", "mimeType": "text/csv", "buffer": b"\x00\x01"}
    page.get_by_label("A CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("a spreadsheet too must be saved as CSV first.")).to_be_visible()
    expect(page.get_by_role("button", name="Upload")).to_be_enabled()
    context.close()


def test_the_operators_degrade_tell_and_restore_and_users_see_it_without_reloading(
    chromium: Browser, user: User
) -> None:
    with window(chromium, user, "/") as home, window(chromium, user, OPERATIONS) as page:
        assert "token" not in page.url
        expect(page.locator("#overall")).to_have_text("healthy")
        page.get_by_role("button", name="Degrade").click()
        page.get_by_label("Reason").fill("a drill")
        page.get_by_role("button", name="Do it").click()
        expect(page.locator("#overall")).to_have_text("degraded")
        expect(page.locator("#warnings")).to_contain_text("a drill")
        expect(home.locator("#storage")).to_contain_text("Storage is being worked on.", timeout=15_000)
        page.get_by_label("Message").fill("Uploads may be late.")
        page.get_by_role("button", name="Send").click()
        expect(home.locator("#notices")).to_have_text("Uploads may be late.")
        page.get_by_role("button", name="Clear").click()
        expect(home.locator("#notices")).to_have_text("")
        page.get_by_role("button", name="Restore").click()
        page.get_by_label("Reason").fill("over")
        page.keyboard.press("Enter")
        expect(page.locator("#overall")).to_have_text("healthy")
        expect(home.locator("#storage")).to_have_text("", timeout=15_000)
        page.get_by_role("button", name="Check integrity").click()
        expect(page.locator("#said")).to_contain_text("all good")
        expect(page.get_by_role("img", name="Calls:")).to_be_visible()


def test_a_reason_that_is_not_given_changes_nothing(chromium: Browser, user: User) -> None:
    with window(chromium, user, OPERATIONS) as page:
        page.get_by_role("button", name="Degrade").click()
        page.get_by_role("button", name="Leave it").click()
        expect(page.locator("dialog")).to_be_hidden()
        assert user.ask("/health/status")["overall_status"] == "HEALTHY"


def test_a_wrong_token_is_asked_for_again(chromium: Browser, user: User) -> None:
    context = chromium.new_context(base_url=str(user.http.base_url))
    page = context.new_page()
    page.goto("/health/operations")
    page.get_by_label("Token of this service").fill("wrong-0123456789abcdefghij")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text("Send a token of this service")
    page.get_by_label("Token of this service").fill(SECRET)
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#overall")).to_have_text("healthy")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_on_a_phone_and_each_has_one_heading(
    chromium: Browser, user: User, scheme: str
) -> None:
    wide = b",".join(b"column %d" % n for n in range(40)) + b"\n" + b",".join([b"x" * 60] * 40) + b"\n"
    id = user.id_of(wide, "a very long name of a list " * 4)
    cut = user.cut(id, part_by="column 1")
    for path in ("/", f"/lists/{id}", f"/lists/{id}/cuts/{cut['id']}", OPERATIONS):
        with window(chromium, user, path, viewport=PHONE, color_scheme=scheme) as page:
            page.wait_for_timeout(500)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
