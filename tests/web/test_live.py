"""The stream of changes: few messages, none lost without a word, and an end when the server stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.web.support.site import Site
from tocsin.core.incident import commands
from tocsin.core.model import PersonId
from tocsin.store import directory
from tocsin.store.access import TokenKind
from tocsin.web.auth import Viewer
from tocsin.web.pages import live
from tocsin.web.pages.live import LASTS, changes


async def told(stream: AsyncIterator[bytes], count: int) -> list[Any]:
    """The next messages, as a browser reads them."""
    found: list[Any] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            text = (await anext(stream)).decode()
            if text.startswith("data: "):
                assert text.endswith("\n\n")
                found.append(json.loads(text.removeprefix("data: ")))
    return found


async def begun(site: Site) -> AsyncIterator[bytes]:
    """A stream whose first bytes have been sent: it listens from here on."""
    stream = changes(site.services, None)
    assert await anext(stream) == b"retry: 2000\n\n"
    return stream


def test_a_change_is_told_with_its_version(site: Site) -> None:
    async def story() -> None:
        stream = await begun(site)
        site.services.changes.tell_of("INC-1", 7)
        assert await told(stream, 1) == [{"incident": "INC-1", "version": 7}]

    site.run(story())


def test_many_changes_of_one_incident_are_one_message_with_the_newest(site: Site) -> None:
    async def story() -> None:
        stream = await begun(site)
        for version in range(1, 60):
            site.services.changes.tell_of("INC-1", version)
        assert await told(stream, 1) == [{"incident": "INC-1", "version": 59}]

    site.run(story())


@pytest.mark.parametrize("count", [2, 99, 100, 5_000])
def test_changes_of_many_incidents_are_one_message_to_read_everything(site: Site, count: int) -> None:
    async def story() -> None:
        stream = await begun(site)
        for number in range(count):
            site.services.changes.tell_of(f"INC-{number}", 1)
        assert await told(stream, 1) == [{"incident": "*", "version": 0}]

    site.run(story())


def test_what_was_missed_is_told_as_everything_even_when_one_incident_crowds_the_rest_out(site: Site) -> None:
    async def story() -> None:
        stream = await begun(site)
        site.services.changes.tell_of("INC-1", 1)
        for version in range(1, 200):
            site.services.changes.tell_of("INC-2", version)
        assert await told(stream, 1) == [{"incident": "*", "version": 0}]

    site.run(story())


def test_a_storm_costs_four_messages_a_second(site: Site) -> None:
    async def story() -> float:
        stream = await begun(site)
        clock = asyncio.get_running_loop().time
        started = clock()
        for version in range(5):
            site.services.changes.tell_of("INC-1", version)
            await told(stream, 1)
        return clock() - started

    assert site.run(story()) >= 4 * 0.25


def test_silence_is_broken_by_heartbeats(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)

    async def story() -> None:
        stream = await begun(site)
        assert await anext(stream) == b": still here\n\n"
        assert await anext(stream) == b": still here\n\n"

    site.run(story())


def test_a_stream_ends_after_a_while_so_that_the_gate_looks_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)

    async def story() -> None:
        stream = await begun(site)
        assert await anext(stream) == b": still here\n\n"
        site.now += LASTS + timedelta(seconds=1)
        assert [part async for part in stream] == []

    site.run(story())


def test_when_the_server_stops_every_stream_ends_and_nobody_listens_any_more(site: Site) -> None:
    async def story() -> None:
        streams = [await begun(site) for _ in range(3)]
        site.services.changes.tell_of("INC-1", 1)
        site.services.changes.close()
        for stream in streams:
            assert [part async for part in stream] == []

    site.run(story())
    assert not site.services.changes._listeners


def test_the_stream_is_not_kept_by_anything_on_the_way(site: Site) -> None:
    answer = site.browser("ana").ask("GET", "/live", accept="text/event-stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.text == "retry: 2000\n\n"


def test_of_a_restricted_incident_only_those_hear_who_may_see_it(site: Site) -> None:
    site.alert("prometheus", "a key has leaked")
    site.ask("ben", commands.Acknowledge("web"))
    site.ask("ben", commands.Restrict((PersonId("ben"),)))
    id = site.incident().id
    people = site.store.read_now(directory.contacts)

    async def heard(person: str) -> list[object]:
        viewer = Viewer(people[PersonId(person)], TokenKind.SESSION, "") if person else None
        stream = changes(site.services, viewer)
        await anext(stream)
        site.services.changes.tell_of(id, 1)
        await asyncio.sleep(0)
        telling = asyncio.create_task(told(stream, 1))
        await asyncio.sleep(0.3)
        site.services.changes.tell_of("INC-OTHER", 2)
        return await telling

    assert site.run(heard("ben")) == [{"incident": id, "version": 1}]
    for person in ("ana", ""):
        assert site.run(heard(person)) == [{"incident": "INC-OTHER", "version": 2}]
