"""What the engine makes of a channel's silence."""

from __future__ import annotations

import asyncio

import pytest

from tests.edges.messages import page
from tocsin import limits
from tocsin.core.model import Message, Outcome, Receipt
from tocsin.engine.engine import Engine

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


def test_a_channel_has_time_to_say_goodbye_and_a_lease_outlasts_it() -> None:
    goodbye = limits.CHANNEL_TIMEOUT_SECONDS + limits.SMTP_QUIT_TIMEOUT_SECONDS
    assert goodbye < limits.CHANNEL_STUCK_SECONDS < limits.LEASE_SECONDS
