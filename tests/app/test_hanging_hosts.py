"""Webhook hosts that take a connection and say nothing: nobody else waits, and nobody looks in vain."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.support.world import PLAN
from tocsin.app.clock import clock
from tocsin.app.start import open_store
from tocsin.app.wiring import Server, wire
from tocsin.core.model import AlertAction, Signal
from tocsin.engine.wheels import Wheel
from tocsin.plan.people import read_people
from tocsin.plan.read import version_of
from tocsin.settings import read_settings
from tocsin.store import directory, plans
from tocsin.store.alerts import Received

HANGING = 60
WITHIN_SECONDS = 3.0
"""On a busy machine; alone it takes a tenth of a second. Who hangs takes ten whole ones."""

WHO = [f"person-{number}" for number in range(HANGING)]
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # the documentation's
WEBHOOK = 'channels: {{webhook: {{to: "{url}", secret: "{key}"}}}}'
PERSON = "{one}: {{name: {one}, email: {one}@example.com, " + WEBHOOK + "}}"


class Hosts:
    """A hook that hangs and a hook that answers, behind one port."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        self.well = asyncio.Event()
        self.healed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        self.heard[path] += 1
        if path == "/well":
            self.well.set()
        else:
            await self.healed.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


def node(tmp_path: Path, port: int) -> Server:
    """A server whose first step pages sixty people whose hook hangs, and one whose hook is well."""
    settings = read_settings({"data": str(tmp_path), "egress_allow": "127.0.0.0/8"}, {})
    store = open_store(settings)
    ladder = PLAN.replace("by: [mailbox, email]", "by: [webhook]").replace(
        'page: "on call: primary"', f"page: [{', '.join([*WHO, 'ben'])}]"
    )
    files = {"plan.yaml": ladder}
    addresses = dict.fromkeys([*WHO, "ana", "chloe", "dara"], "hangs") | {"ben": "well"}
    people = "\n".join(
        PERSON.format(one=one, url=f"http://127.0.0.1:{port}/{path}", key=SECRET)
        for one, path in addresses.items()
    )
    now = datetime.now(UTC)
    store.write_now(partial(plans.keep, version=version_of(files), files=files, now=now))
    store.write_now(lambda tx: directory.replace_people(tx, read_people(people)))
    return wire(settings, store, b"0" * 32)


def counted(wheel: Wheel, turns: Counter[str]) -> None:
    turn: Callable[[], Awaitable[int]] = wheel._turn

    async def count() -> int:
        turns[wheel.name] += 1
        return await turn()

    wheel._turn = count


async def alert(server: Server, summary: str) -> None:
    signal = Signal(AlertAction.TRIGGER, summary, summary)
    await server.services.intake.accept([Received("prometheus", signal, clock())])


async def test_who_can_be_reached_does_not_wait_for_who_cannot(tmp_path: Path) -> None:
    hosts, turns = Hosts(), Counter[str]()
    listening = await asyncio.start_server(hosts.serve, "127.0.0.1", 0, backlog=200)
    server = node(tmp_path, listening.sockets[0].getsockname()[1])
    for wheel in server.wheels.values():
        counted(wheel, turns)
    await server.health.measure()
    wheels = [asyncio.ensure_future(one.run()) for one in server.wheels.values()]
    try:
        began = time.monotonic()
        await alert(server, "checkout is down")
        async with asyncio.timeout(10):
            await hosts.well.wait()
        assert time.monotonic() - began < WITHIN_SECONDS
        assert hosts.heard["/hangs"] > 16, "they hang at this very moment"
        # One more for each of those who hang waits for their answer now.
        await alert(server, "the catalogue is down too")
        await asyncio.sleep(1)
        turns.clear()
        await asyncio.sleep(2)
        assert turns["send"] <= 6, "it rests, and looks once a second"
        assert turns["wake"] <= 6
        assert hosts.heard["/hangs"] == HANGING
        hosts.healed.set()
        async with asyncio.timeout(10):
            await server.engine.sent()
    finally:
        for one in server.wheels.values():
            one.stop()
        await asyncio.gather(*wheels)
        listening.close()
        server.services.store.close()
