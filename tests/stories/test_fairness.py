"""One person's host hangs, and many messages for them wait: everybody else is told at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from tests.support.world import PLAN, World
from tocsin.core.model import AlertAction, Message, Outcome, PersonId, Receipt, Signal
from tocsin.store.alerts import Received
from tocsin.store.database import sqlite_url

PEOPLE = """
ana: {name: Ana, email: ana@example.com, channels: {webhook: "https://hangs.example.com"}}
ben: {name: Ben, email: ben@example.com, channels: {webhook: "https://ben.example.com"}}
dara: {name: Dara, email: dara@example.com, channels: {webhook: "https://dara.example.com"}}
"""
SECONDS = PLAN.replace("after: 5m", "after: 5s").replace("by: [mailbox, email]", "by: [webhook]")
ANA, BEN = PersonId("ana"), PersonId("ben")
SERVICES = 30


class Hanging:
    """A webhook channel: Ana's host takes the connection and says nothing until `healed`."""

    def __init__(self) -> None:
        self.given: list[Message] = []
        self.healed = asyncio.Event()

    async def send(self, message: Message) -> Receipt:
        self.given.append(message)
        if message.person == ANA:
            await self.healed.wait()
        return Receipt(Outcome.ACCEPTED)

    def of(self, person: PersonId) -> list[Message]:
        return [one for one in self.given if one.person == person]


async def turn(world: World) -> None:
    """Every wheel, and whatever the channels answer at once."""
    while await world.engine.triage_once() + await world.engine.wake_once() + await world.engine.send_once():
        for _ in range(5):
            await asyncio.sleep(0)


def test_a_host_that_hangs_holds_up_nobody_elses_messages(tmp_path: Path) -> None:
    world = World(sqlite_url(tmp_path / "tocsin.db"), plan=SECONDS, people=PEOPLE)
    hanging = Hanging()

    async def story() -> None:
        world.channels = {"webhook": hanging}  # type: ignore[dict-item]  # not a channel that answers
        world.start()
        for number in range(SERVICES):
            signal = Signal(AlertAction.TRIGGER, "down", f"service {number} is down")
            await world.intake.accept([Received(f"service-{number}", signal, world.now)])
            await turn(world)
        assert [len(one.incidents) for one in hanging.of(ANA)] == [1]
        world.now += timedelta(seconds=5)
        await turn(world)
        told = {incident for one in hanging.of(BEN) for incident in one.incidents}
        assert len(told) == SERVICES, "Ben is next on the ladder, and his host answers"
        assert len(hanging.of(ANA)) == 1
        hanging.healed.set()
        await world.engine.sent()
        await turn(world)
        waited = {incident for one in hanging.of(ANA)[1:] for incident in one.incidents}
        assert len(waited | set(hanging.of(ANA)[0].incidents)) == SERVICES

    world.run(story())
    world.close()
