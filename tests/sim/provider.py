"""The world's end of a channel: by chance it takes messages, refuses them, is late, silent or broken."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.sim.chance import SEND_FAULTS, Fault
from tests.sim.outbox_rules import (
    ATTEMPT_RULES,
    Attempt,
    without_a_fault_nothing_goes_twice,
)
from tocsin import limits
from tocsin.core.model import Message, Outcome, Receipt
from tocsin.engine.outbox import Outgoing

if TYPE_CHECKING:
    from tests.sim.node import Node

OUTGOING: ContextVar[Outgoing] = ContextVar("OUTGOING")
"""What the running task is sending, with its lease."""

NEVER_SECONDS = 3_600


class ChannelBug(Exception):
    """A channel raised, which channels must not."""


@dataclass(slots=True)
class SimChannel:
    """One channel of one node. Implements the engine's protocol of a channel."""

    name: str
    node: Node
    at_once: int = limits.CHANNEL_MESSAGES

    async def send(self, message: Message) -> Receipt:
        """Take the message, or whatever the seed has for it."""
        await self.node.gate()
        run = self.node.run
        leased = OUTGOING.get().leased
        attempt = Attempt(
            number=len(run.sendings.attempts),
            node=self.node.name,
            key=leased.bundle,
            rings=tuple(ring.key for ring in leased.rings),
            tries=max(ring.attempts for ring in leased.rings),
            repeat=message.repeat,
        )
        for rule in ATTEMPT_RULES:
            run.verdict.expect(rule, run.sendings, attempt, message)
        run.verdict.expect(
            without_a_fault_nothing_goes_twice, run.sendings, attempt, message, faultless=run.faultless
        )
        run.sendings.add(attempt)
        run.attempt_of[leased] = attempt
        run.left(attempt, message, leased)
        return await self._answer(attempt)

    async def _answer(self, attempt: Attempt) -> Receipt:
        run = self.node.run
        if run.down.get(self.name, 0) > run.loop.micros:
            return Receipt(Outcome.RETRYING, "the provider is down")
        fault = run.chaos.strikes(*SEND_FAULTS)
        if fault is None:
            return self._deliver(attempt)
        run.log.write(f"fault {fault}: {attempt.key}")
        match fault:
            case Fault.CRASH_BEFORE_SEND:
                self.node.crash()
            case Fault.CRASH_AFTER_SEND:
                self._deliver(attempt)
                self.node.crash()
            case Fault.REFUSED:
                return Receipt(Outcome.RETRYING, "try again later")
            case Fault.REFUSED_FOR_GOOD:
                attempt.refused_for_good = True
                return Receipt(Outcome.FAILED, "no such address")
            case Fault.TIMED_OUT:
                await asyncio.sleep(NEVER_SECONDS)
            case Fault.ANSWER_LOST:
                self._deliver(attempt)
                await asyncio.sleep(NEVER_SECONDS)
            case Fault.UNKNOWN:
                self._deliver(attempt)
                return Receipt(Outcome.UNKNOWN, "nobody understands the answer")
            case Fault.RAISED:
                if run.chaos.random.random() < 0.5:
                    self._deliver(attempt)
                raise ChannelBug(attempt.key)
            case Fault.SLOW:
                await asyncio.sleep(run.chaos.random.choice((0.2, 3.0, 9.5)))
            case Fault.LATE:
                self.node.late.add(OUTGOING.get().leased)
        await self.node.gate()
        return self._deliver(attempt)

    def _deliver(self, attempt: Attempt) -> Receipt:
        attempt.delivered = True
        return Receipt(Outcome.ACCEPTED, provider_id=f"{self.name}-{attempt.number}")
