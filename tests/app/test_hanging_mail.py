"""A mail relay that says nothing when it hears certain recipients: everybody else's mail goes at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.app.test_hanging_hosts import WHO, WITHIN_SECONDS
from tests.support.world import PLAN
from tocsin.app.clock import clock
from tocsin.app.start import open_store
from tocsin.app.wiring import Server, wire
from tocsin.core.model import AlertAction, Signal
from tocsin.plan.people import read_people
from tocsin.plan.read import version_of
from tocsin.settings import read_settings
from tocsin.store import directory, plans
from tocsin.store.alerts import Received

PERSON = "{one}: {{name: {one}, email: {one}@example.com, channels: {{email: {one}@example.com}}}}"


class Relay:
    """Takes mail to Ben. Of all others it says that their mailbox is busy, or with `hangs` nothing at all."""

    def __init__(self) -> None:
        self.hangs = False
        self.mails: asyncio.Queue[str] = asyncio.Queue()
        self.places_left = 12
        self.full = asyncio.Event()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("ben@"):
            envelope.rcpt_tos.append(address)
            return "250 OK"
        if self.hangs:
            self.places_left -= 1
            if self.places_left == 0:
                self.full.set()
            await asyncio.sleep(60)
        return "450 mailbox busy"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.mails.put_nowait(envelope.rcpt_tos[0])
        return "250 OK"


def node(tmp_path: Path, port: int) -> Server:
    """A server whose first step pages sixty people and Ben by mail."""
    given = {"smtp_host": "127.0.0.1", "smtp_port": str(port), "smtp_from": "tocsin@example.com"}
    settings = read_settings({"data": str(tmp_path), **given}, {})
    store = open_store(settings)
    ladder = PLAN.replace("by: [mailbox, email]", "by: [email]").replace(
        'page: "on call: primary"', f"page: [{', '.join([*WHO, 'ben'])}]"
    )
    files = {"plan.yaml": ladder}
    people = "\n".join(PERSON.format(one=one) for one in [*WHO, "ana", "ben", "chloe", "dara"])
    now = datetime.now(UTC)
    store.write_now(partial(plans.keep, version=version_of(files), files=files, now=now))
    store.write_now(lambda tx: directory.replace_people(tx, read_people(people)))
    return wire(settings, store, b"0" * 32)


async def alert(server: Server, integration: str) -> None:
    signal = Signal(AlertAction.TRIGGER, "down", f"{integration} is down")
    await server.services.intake.accept([Received(integration, signal, clock())])


async def test_a_relay_that_hangs_on_some_recipients_holds_up_nobody_who_took_the_last_mail(
    tmp_path: Path,
) -> None:
    relay = Relay()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(relay, hostname="relay"), "127.0.0.1", 0)
    server = node(tmp_path, listening.sockets[0].getsockname()[1])
    await server.health.measure()
    wheels = [asyncio.ensure_future(one.run()) for one in server.wheels.values()]
    try:
        await alert(server, "checkout")
        async with asyncio.timeout(30):
            assert await relay.mails.get() == "ben@example.com"
            relay.hangs = True
            await relay.full.wait()
        await alert(server, "bank")
        async with asyncio.timeout(WITHIN_SECONDS):
            assert await relay.mails.get() == "ben@example.com"
    finally:
        for one in server.wheels.values():
            one.stop()
        await asyncio.gather(*wheels)
        listening.close()
        server.services.store.close()
