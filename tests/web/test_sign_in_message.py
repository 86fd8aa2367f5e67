"""Asking for a sign-in link by message: it reaches its owner, and tells a stranger nothing."""

from __future__ import annotations

import re

from tests.web.support.site import Site
from tocsin.store import mailbox


def messages(site: Site) -> list[str]:
    """The texts in the mailbox, the newest first."""
    site.settle()
    return [row.text for row in site.store.read_now(lambda tx: mailbox.newest(tx, 10))]


def ask(site: Site, email: str) -> str:
    """What the form answers."""
    answer = site.browser().post("/sign-in-message", {"email": email})
    assert answer.status_code == 200
    return answer.text


def test_the_link_comes_as_a_message_and_signs_in_once(site: Site) -> None:
    ask(site, " Ben@Example.com ")
    (text,) = messages(site)
    found = re.search(r"/sign-in/\S+", text)
    assert found is not None
    browser = site.browser()
    assert browser.post(found[0], {}).status_code == 303
    assert "Ben Okafor" in browser.get("/").text
    assert site.browser().post(found[0], {}).status_code == 410


def test_the_link_is_not_in_the_database_before_it_is_sent(site: Site) -> None:
    ask(site, "ben@example.com")
    assert not any("/sign-in/" in cell for rows in site.dump().values() for cell in rows)


def test_a_stranger_sees_the_same_page_and_nothing_is_sent(site: Site) -> None:
    assert ask(site, "nobody@example.com") == ask(site, "ben@example.com")
    assert len(messages(site)) == 1


def test_asking_again_and_again_sends_one_link_a_minute(site: Site) -> None:
    for _ in range(5):
        ask(site, "ben@example.com")
    assert len(messages(site)) == 1
    site.advance(minutes=1)
    ask(site, "ben@example.com")
    assert len(messages(site)) == 2
