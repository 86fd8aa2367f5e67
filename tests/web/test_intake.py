"""The door for events: how it looks up keys, and when the database does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from tests.web.support.site import Site
from tocsin.core.model import AlertAction, Signal
from tocsin.store import directory
from tocsin.web.intake import BROKEN, UNKNOWN_KEY, Door

SIGNALS = (Signal(AlertAction.TRIGGER, "checkout", "checkout is down"),)


def test_keys_that_cannot_be_looked_up_are_no_reason_to_drop_an_event(site: Site) -> None:
    """503 brings the sender back; 400 or 500 would lose its page with some of them."""
    site.store.write_now(lambda tx: tx.execute(text("ALTER TABLE integrations RENAME TO away")))
    door = Door(site.services)
    assert site.run(door.accept("some key", (), key_in_body=True)) == (503, BROKEN)


def test_however_many_events_wait_for_the_keys_they_are_looked_up_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With thousands of keys, each of 64 requests looking for itself held the server up for a second."""
    looks: list[Callable[..., Any]] = []
    read = site.store.read

    async def counted(query: Callable[..., Any]) -> Any:
        looks.append(query)
        return await read(query)

    monkeypatch.setattr(site.store, "read", counted)
    door = Door(site.services)

    async def accept_many() -> list[tuple[int, str]]:
        return await asyncio.gather(*(door.accept("some key", (), key_in_body=True) for _ in range(20)))

    assert {status for status, _ in site.run(accept_many())} == {400}
    assert looks == [directory.keys]


def add_key(site: Site, key: str) -> None:
    """As the command line does, in another process."""
    add = partial(directory.add_key, integration="prometheus", key=key, now=site.now)
    site.store.write_now(add)


def test_a_key_counts_as_soon_as_it_is_made(site: Site) -> None:
    door = Door(site.services)
    add_key(site, "old")
    assert site.run(door.accept("old", SIGNALS, key_in_body=True)) == (202, "")
    add_key(site, "new")
    site.now += timedelta(milliseconds=200)
    assert site.run(door.accept("new", SIGNALS, key_in_body=True)) == (202, "")


@pytest.mark.parametrize(("key_in_body", "status"), [(True, 400), (False, 401)])
def test_an_event_under_a_strange_key_is_refused_and_counted(
    site: Site, key_in_body: bool, status: int
) -> None:
    answer = site.run(Door(site.services).accept("strange", SIGNALS, key_in_body=key_in_body))
    assert answer == (status, UNKNOWN_KEY)
    figures = site.services.context.meters.render().decode()
    assert f'tocsin_intake_refused_total{{status="{status}"}} 1.0' in figures
