"""What the engine makes of a channel's silence."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.edges.messages import NOW, page
from tocsin import limits
from tocsin.core.model import Message, Outcome, PersonId, Receipt
from tocsin.engine.engine import Engine
from tocsin.engine.outbox import Outgoing
from tocsin.store.errors import StoreError
from tocsin.store.sending import Leased

KNOWN = Receipt(Outcome.RETRYING, "The relay broke off: it did not answer in time.")


class Silent:
    """A channel whose relay says nothing; by its own limit it knows that the message cannot have arrived."""

    at_once = 1

    async def send(self, message: Message) -> Receipt:
        try:
            async with asyncio.timeout(limits.CHANNEL_TIMEOUT_SECONDS):
                await asyncio.Event().wait()
        except TimeoutError:
            return KNOWN
        raise AssertionError("it waits for ever")


async def test_a_channel_is_heard_out_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    # A refusal sends the next ring at once; "unknown" would leave it to its own time, minutes later.
    scale = 100
    for name in ("CHANNEL_TIMEOUT_SECONDS", "CHANNEL_STUCK_SECONDS"):
        monkeypatch.setattr(limits, name, getattr(limits, name) / scale)
    engine = object.__new__(Engine)
    assert await engine._try(Silent(), page()) == KNOWN


class Anew:
    """A store that takes nothing at first, as while its database starts anew."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.tried = 0

    async def write(self, _job: object) -> tuple[()]:
        self.tried += 1
        if self.tried <= self.refusals:
            raise StoreError("the database system is starting up")
        return ()


@pytest.mark.parametrize(("refusals", "tried"), [(0, 1), (2, 3), (100, 8)])
async def test_an_answer_is_recorded_while_the_lease_lasts(
    monkeypatch: pytest.MonkeyPatch, refusals: int, tried: int
) -> None:
    """Otherwise a database that is gone for a second would make a repeat of every message on its way."""
    now, slept = NOW, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += timedelta(seconds=seconds)
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    engine, store = object.__new__(Engine), Anew(refusals)
    vars(engine).update(store=store, context=None, _clock=lambda: now, _changed=None)
    leased = Leased("INC-7/page/1/ring/1", "page", PersonId("ana"), "email", (), NOW + timedelta(seconds=8))
    await engine._settle(Outgoing(leased, page()), Receipt(Outcome.ACCEPTED, "The relay took the message."))
    assert (store.tried, slept) == (tried, [1.0] * (tried - 1))


def test_a_channel_has_time_to_say_goodbye_and_a_lease_outlasts_it() -> None:
    goodbye = limits.CHANNEL_TIMEOUT_SECONDS + limits.SMTP_QUIT_TIMEOUT_SECONDS
    assert goodbye < limits.CHANNEL_STUCK_SECONDS < limits.LEASE_SECONDS
