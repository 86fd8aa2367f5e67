"""A site that answers on a real port, and real browsers in front of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.web.support.scenes import MORE_SERVICES
from tests.web.support.site import Site, free_port

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

needs_chromium = pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason=LACKING)

WATCH = """
window.faults = { push: (what) => console.error(`fault: ${what}`) };
addEventListener("securitypolicyviolation", (event) => {
  faults.push(`${event.violatedDirective} refused ${event.blockedURI}`);
});
"""
"""Whatever a page does that it should not is said on its console, which outlives the page."""


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
        Site(directory, public_url=f"http://{host}:{port}", **{"plan": MORE_SERVICES} | made), chromium, port
    )
    desk.site.serve(port)
    return desk


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait, while the browser works on, until it holds."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came true")
