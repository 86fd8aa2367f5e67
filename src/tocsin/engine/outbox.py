"""Sending: lease, build the message, and take the channel's answer back to the incidents it was about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin import limits
from tocsin.core.incident import commands
from tocsin.core.model import SYSTEM, Message, Outcome, Receipt, Refused
from tocsin.engine.apply import Applied, apply
from tocsin.engine.context import Context
from tocsin.engine.messages import build
from tocsin.store import outbox, sending
from tocsin.store.sending import Leased
from tocsin.store.transaction import Transaction


@dataclass(frozen=True)
class Outgoing:
    """A message and the lease it goes out under; no message means that there is nothing to send it to."""

    leased: Leased
    message: Message | None


def take(
    tx: Transaction, context: Context, now: datetime, room: Mapping[str, int], kept: Mapping[str, int]
) -> list[Outgoing]:
    """Lease what is ready; `room` says how many messages each channel can take now, see `sending.lease`."""
    sending.recover(tx, now)
    leased = sending.lease(
        tx,
        now,
        context.node,
        room=room,
        kept=kept,
        bundle_max=limits.BUNDLE_RINGS,
        lasts=timedelta(seconds=limits.LEASE_SECONDS),
    )
    return [Outgoing(one, build(tx, context, one, now)) for one in leased]


def settle(
    tx: Transaction, context: Context, leased: Leased, receipt: Receipt, now: datetime, *, tell: bool = True
) -> list[Applied]:
    """Record the answer and tell the incidents, in one transaction: a crash loses both or neither.

    With `tell` False only the outbox and the ledger hear of it: for an incident that cannot be decided, so
    that a message which did go out is not sent for ever.
    """
    applied = []
    # All of it at one time: what may have arrived goes again as a whole, or it would go under another key.
    retry_at = now + timedelta(seconds=_pause(min(ring.attempts for ring in leased.rings)))
    # In id order, so that two nodes never wait for each other.
    for ring in sorted(leased.rings, key=lambda ring: (ring.incident, ring.id)):
        ours = sending.settle(
            tx,
            ring,
            receipt.outcome,
            receipt.detail,
            receipt.provider_id,
            now=now,
            retry_at=retry_at,
        )
        # An answer after the lease was lost is for the ledger only: somebody else has the ring now.
        # While a channel keeps refusing, the incident hears it once: the path has advanced since.
        told = leased.kind in (outbox.PAGE, outbox.TOLD) and tell
        if not told or not ours or (receipt.outcome is Outcome.RETRYING and sending.refused_before(tx, ring)):
            continue
        command = commands.Settle(ring.page, ring.ring, leased.person, leased.channel, ring.attempts, receipt)
        answer = apply(tx, context, ring.incident, commands.Asked(SYSTEM, command), now)
        if not isinstance(answer, Refused):
            applied.append(answer)
    return applied


def _pause(attempts: int) -> int:
    # Bounded before the power is taken: attempts grow without end in a long outage.
    doublings = min(attempts - 1, 10)
    return min(limits.RETRY_FIRST_SECONDS << doublings, limits.RETRY_MOST_SECONDS)
