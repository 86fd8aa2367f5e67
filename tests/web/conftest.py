"""Sites for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.web.support.desk import ARGUMENTS, BY_NAME, CHROMIUM, LACKING, Desk, desk_at
from tests.web.support.scenes import MORE_SERVICES
from tests.web.support.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The demo, with nothing happening yet."""
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def large_site(tmp_path: Path) -> Iterator[Site]:
    """The demo with more services, so that several incidents can be open at once."""
    site = Site(tmp_path, plan=MORE_SERVICES)
    yield site
    site.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the module: its driver keeps an event loop, which tests of others must not meet."""
    assert CHROMIUM is not None, LACKING
    by_name = f"--host-resolver-rules=MAP {BY_NAME} 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, by_name])
        yield browser
        browser.close()


@pytest.fixture
def desk(chromium: Browser, tmp_path: Path) -> Iterator[Desk]:
    """A desk with nothing happening yet."""
    desk = desk_at(chromium, tmp_path)
    yield desk
    desk.close()
