"""Hosts that hang, one with much to hear or many with a page each: everybody else is told at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

from tests.support.world import PLAN, World
from tocsin import limits
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
    """A webhook channel: the hosts of `hang` take the connection and say nothing until `healed`."""

    def __init__(self, hang: Collection[PersonId] = (ANA,), at_once: int = limits.WEBHOOK_MESSAGES) -> None:
        self.given: list[Message] = []
        self.hang = hang
        self.at_once = at_once
        self.healed = asyncio.Event()
        self.gives_up = False

    async def send(self, message: Message) -> Receipt:
        self.given.append(message)
        if message.person in self.hang:
            await self.healed.wait()
            if self.gives_up:
                return Receipt(Outcome.UNKNOWN, "no answer")
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


CROWD = [PersonId(f"person-{number}") for number in range(100)]
EVERYBODY = "\n".join(
    f'{one}: {{name: {one}, email: {one}@example.com, channels: {{webhook: "https://{one}.example.com"}}}}'
    for one in [*CROWD, "ana", "ben", "chloe", "dara"]
)
ALL_AT_ONCE = SECONDS.replace('page: "on call: primary"', f"page: [{', '.join([*CROWD, BEN])}]")


def crowd(tmp_path: Path, hanging: Hanging) -> World:
    world = World(sqlite_url(tmp_path / "tocsin.db"), plan=ALL_AT_ONCE, people=EVERYBODY)
    world.channels = {"webhook": hanging}  # type: ignore[dict-item]  # not a channel that answers
    world.start()
    return world


async def paged(world: World) -> None:
    signal = Signal(AlertAction.TRIGGER, "down", "checkout is down")
    await world.intake.accept([Received("prometheus", signal, world.now)])
    await turn(world)


def test_however_many_hosts_hang_who_can_be_reached_is_reached_at_once(tmp_path: Path) -> None:
    hanging = Hanging(CROWD)
    world = crowd(tmp_path, hanging)

    async def story() -> None:
        await paged(world)
        assert len(hanging.given) == len(CROWD) + 1
        assert len(hanging.of(BEN)) == 1, "the last in the line of those who are paged at this very moment"
        at = await world.engine.next_send_at()
        assert at == world.now + timedelta(seconds=limits.LEASE_SECONDS), "there is nothing to look for"
        hanging.healed.set()
        await world.engine.sent()
        await turn(world)
        assert len(hanging.given) == len(CROWD) + 1, "nobody hears anything twice"

    world.run(story())
    world.close()


def test_a_channel_that_is_full_goes_on_when_somebody_answers(tmp_path: Path) -> None:
    hanging = Hanging(CROWD, at_once=20)
    world = crowd(tmp_path, hanging)

    async def story() -> None:
        await paged(world)
        assert len(hanging.given) == 15, "the rest is kept for those who took their last message"
        assert await world.engine.next_send_at() == world.now + timedelta(seconds=limits.LEASE_SECONDS)
        hanging.healed.set()
        await world.engine.sent()
        assert await world.engine.next_send_at() == world.now
        await turn(world)
        assert {one.person for one in hanging.given} == {*CROWD, BEN}

    world.run(story())
    world.close()


def test_who_took_the_last_message_does_not_wait_behind_those_who_hang(tmp_path: Path) -> None:
    """A mail relay has few places, and hangs on some recipients: they fill those that are for anybody."""
    hanging = Hanging(CROWD, at_once=limits.CHANNEL_MESSAGES)
    hanging.gives_up = True
    world = crowd(tmp_path, hanging)

    async def story() -> None:
        await paged(world)
        assert {one.person for one in hanging.given} == set(CROWD[:12]), "nobody has taken anything yet"
        hanging.healed.set()
        await world.engine.sent()
        await turn(world)
        assert len(hanging.of(BEN)) == 1, "he waited for those before him"
        hanging.healed.clear()
        hanging.given.clear()
        world.start()
        signal = Signal(AlertAction.TRIGGER, "down", "the bank is down")
        await world.intake.accept([Received("bank", signal, world.now)])
        await turn(world)
        assert [one.person for one in hanging.given] == [*CROWD[:12], BEN], "also after a restart"
        at = await world.engine.next_send_at()
        assert at is not None
        assert at > world.now, "those who wait for a place are no reason to look"
        hanging.healed.set()
        await world.engine.sent()
        await turn(world)
        assert {one.person for one in hanging.given} == {*CROWD, BEN}

    world.run(story())
    world.close()
