"""The door for events: how it looks up keys, and when the database does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tests.web.support.site import Site
from tocsin.store import directory
from tocsin.web.intake import BROKEN, Door


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
