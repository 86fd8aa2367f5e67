"""Who is sending what waits, under leases with fences, and what channels answered.

What became of each attempt goes into the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, func, insert, select, tuple_, update

from tocsin import limits
from tocsin.core.model import Outcome, PersonId, SubjectId
from tocsin.store.database import skip_locked
from tocsin.store.outbox import FAILED, IS_LEASED, IS_WAITING, LEASED, SENT, WAITING, WITHDRAWN
from tocsin.store.prepared import Prepared
from tocsin.store.schema import deliveries, outbox

UNDER_WAY = "sending"
"""The outcome of an attempt that has not ended."""

# Built once: building a statement takes longer than running it.
_UNDER_WAY = select(outbox.c.person, outbox.c.channel).where(IS_LEASED)
_READY = (
    select(outbox)
    .where(IS_WAITING, outbox.c.next_at <= bindparam("now"))
    .where(tuple_(outbox.c.person, outbox.c.channel).not_in(_UNDER_WAY))
    .order_by(outbox.c.priority, outbox.c.id)
    .limit(bindparam("most"))
)
# How the last attempt at this person by this channel ended that has ended.
_LAST_OUTCOME = (
    select(deliveries.c.outcome)
    .where(deliveries.c.person == outbox.c.person, deliveries.c.channel == outbox.c.channel)
    .where(deliveries.c.outcome != UNDER_WAY)
    .order_by(deliveries.c.started_at.desc(), deliveries.c.id.desc())
    .limit(1)
    .correlate(outbox)
    .scalar_subquery()
)
_TOOK_THE_LAST = _LAST_OUTCOME.in_([Outcome.ACCEPTED.value])
_READY_ON = _READY.where(outbox.c.channel == bindparam("on"))
_READY_ON_KEPT = _READY_ON.where(_TOOK_THE_LAST)
_READY_ON_NO = _READY.where(outbox.c.channel.not_in(bindparam("channels", expanding=True)))
_LEASE = (
    update(outbox)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .values(state=LEASED, fence=outbox.c.fence + 1, attempts=outbox.c.attempts + 1)
)
_BEGIN = Prepared(insert(deliveries))
_FINISH = Prepared(
    update(deliveries).where(
        deliveries.c.key == bindparam("of_key"), deliveries.c.attempt == bindparam("of_attempt")
    )
)
_SETTLE = (
    update(outbox)
    .where(outbox.c.id == bindparam("of"), outbox.c.fence == bindparam("under"), IS_LEASED)
    .values(leased_until=None)
)
_SETTLE_DONE = Prepared(_SETTLE.values(state=bindparam("now_state")))
_SETTLE_AGAIN = Prepared(_SETTLE.values(state=case((outbox.c.wanted == 1, WAITING), else_=WITHDRAWN)))
_REFUSED_BEFORE = Prepared(
    select(deliveries.c.id)
    .where(
        deliveries.c.key == bindparam("of_key"),
        deliveries.c.attempt < bindparam("now_attempt"),
        deliveries.c.outcome == Outcome.RETRYING,
    )
    .limit(1)
)
_NEXT_AT = select(func.min(outbox.c.next_at)).where(
    IS_WAITING,
    tuple_(outbox.c.person, outbox.c.channel).not_in(_UNDER_WAY),
    outbox.c.channel.not_in(bindparam("full", expanding=True)),
)
_NEXT_AT_KEPT = select(func.min(outbox.c.next_at)).where(
    IS_WAITING,
    tuple_(outbox.c.person, outbox.c.channel).not_in(_UNDER_WAY),
    outbox.c.channel.in_(bindparam("kept", expanding=True)),
    _TOOK_THE_LAST,
)
_LEASES_END_AT = select(func.min(outbox.c.leased_until)).where(IS_LEASED)


@dataclass(frozen=True)
class Ring:
    """One ring of one page on its way. `unknown` is true when an earlier attempt may have arrived."""

    id: int
    key: str
    incident: SubjectId
    page: int
    ring: int
    urgent: bool
    attempts: int
    unknown: bool
    fence: int
    words: str = ""


@dataclass(frozen=True)
class Leased:
    """Rings for one person on one channel that go out as one message, ours until the lease ends."""

    bundle: str
    kind: str
    person: PersonId
    channel: str
    rings: tuple[Ring, ...]
    until: datetime


def recover(tx: Connection, now: datetime, node: str | None = None) -> int:
    """Take back what was being sent when its sender died; whether it arrived is unknown.

    Of one node when `node` is given, at its start (its leases cannot be alive), else all whose lease is over.
    """
    gone = IS_LEASED & (outbox.c.node == node if node is not None else outbox.c.leased_until <= now)
    lost = tx.execute(
        skip_locked(tx, select(outbox.c.id, outbox.c.key, outbox.c.attempts, outbox.c.wanted).where(gone))
    ).all()
    for row in lost:
        tx.execute(
            update(outbox)
            .where(outbox.c.id == row.id)
            .values(state=WAITING if row.wanted else WITHDRAWN, unknown=1, next_at=now)
        )
        tx.execute(
            update(deliveries)
            .where(deliveries.c.key == row.key, deliveries.c.attempt == row.attempts)
            .values(outcome=Outcome.UNKNOWN, finished_at=now, detail="the sender stopped before the answer")
        )
    return len(lost)


def begin(tx: Connection, now: datetime, node: str) -> int:
    """Before a node sends: take back what it was sending when it died; returns how many rings those were."""
    go_by(tx, now)
    return recover(tx, now, node)


def go_by(tx: Connection, now: datetime) -> None:
    """The clock may have been set back: what waits for a time that this one never set waits no longer."""
    most = timedelta(seconds=limits.RETRY_MOST_SECONDS + limits.CLOCK_BEHIND_SECONDS)
    tx.execute(update(outbox).where(IS_WAITING, outbox.c.next_at > now + most).values(next_at=now))


def lease(
    tx: Connection,
    now: datetime,
    node: str,
    *,
    room: Mapping[str, int],
    bundle_max: int,
    lasts: timedelta,
    kept: Mapping[str, int] | None = None,
) -> list[Leased]:
    """Take what is ready, the worst level first, bundled by person; `room` messages on each channel.

    Of those `kept` are for people whose last message by the channel was taken: however many others hang, they
    do not wait.

    A slow channel thus holds up no other. Nor does a slow address hold up other people's: what comes for
    somebody by a channel on which a message is on its way waits for the answer, and then goes as one. A ring
    for a channel that `room` does not name at all is leased too, so that the caller can say that it cannot be
    sent.
    """
    leased: list[Leased] = []
    until = now + lasts
    for channel, free in room.items():
        for_all = free - (kept or {}).get(channel, 0)
        taken = 0
        if for_all > 0:
            ready = {"most": for_all * bundle_max, "on": channel}
            found = _lease_ready(tx, _READY_ON, ready, for_all, bundle_max, now, node, until)
            leased, taken = leased + found, len(found)
        if free > taken >= for_all:
            left = free - taken
            ready = {"most": left * bundle_max, "on": channel}
            leased += _lease_ready(tx, _READY_ON_KEPT, ready, left, bundle_max, now, node, until)
    strange = {"most": bundle_max * bundle_max, "channels": list(room)}
    return leased + _lease_ready(tx, _READY_ON_NO, strange, bundle_max, bundle_max, now, node, until)


def _lease_ready(
    tx: Connection,
    ready: Select[Any],
    values: Mapping[str, object],
    messages: int,
    bundle_max: int,
    now: datetime,
    node: str,
    until: datetime,
) -> list[Leased]:
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in tx.execute(skip_locked(tx, ready), {**values, "now": now}):
        name = (row.person, row.channel)
        if name in groups or len(groups) < messages:
            group = groups.setdefault(name, [])
            if not group or (len(group) < bundle_max and _company(row) == _company(group[0])):
                group.append(row)
    return [_lease_group(tx, group, now, node, until) for group in groups.values()]


def _company(row: Any) -> tuple[str, str]:
    """What goes with what: a ring that may have arrived keeps its company, and so its idempotency key."""
    return row.kind, row.bundle if row.unknown else ""


def _lease_group(tx: Connection, group: Sequence[Any], now: datetime, node: str, until: datetime) -> Leased:
    person, channel = PersonId(group[0].person), group[0].channel
    bundle = _bundle_key(tx, group)
    tx.execute(
        _LEASE,
        {"ids": [row.id for row in group], "bundle": bundle, "node": node, "leased_until": until},
    )
    rings = tuple(
        Ring(
            row.id,
            row.key,
            SubjectId(row.subject_id),
            row.page,
            row.ring,
            bool(row.urgent),
            row.attempts + 1,
            bool(row.unknown),
            row.fence + 1,
            row.words,
        )
        for row in group
    )
    _BEGIN.change_each(tx, [_attempt(ring, bundle, person, channel, now) for ring in rings])
    return Leased(bundle, group[0].kind, person, channel, rings, until)


def _bundle_key(tx: Connection, group: Sequence[Any]) -> str:
    """One name for these rings: a receiver that drops repeats never drops a ring it has not seen.

    What is left of a message that may have arrived keeps its name, unless only a part of it goes now.
    """
    if group[0].unknown:
        # Not skipping what is locked: whoever is withdrawing or taking a part of it decides what is left.
        of_bundle = (outbox.c.bundle == group[0].bundle) & (IS_WAITING | IS_LEASED)
        left = tx.execute(select(outbox.c.id).where(of_bundle).with_for_update()).all()
        if len(left) == len(group):
            return str(group[0].bundle)
    keys = [row.key for row in group]
    return keys[0] if len(keys) == 1 else hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]


def _attempt(ring: Ring, bundle: str, person: str, channel: str, now: datetime) -> dict[str, object]:
    return {
        "key": ring.key,
        "bundle": bundle,
        "subject_id": ring.incident,
        "person": person,
        "channel": channel,
        "attempt": ring.attempts,
        "started_at": now,
        "outcome": UNDER_WAY,
        "detail": "",
        "provider_id": "",
    }


def settle(
    tx: Connection,
    ring: Ring,
    outcome: Outcome,
    detail: str,
    provider_id: str,
    *,
    now: datetime,
    retry_at: datetime | None,
) -> bool:
    """Record a channel's answer; False when the lease was lost meanwhile, and then only the ledger is told.

    `retry_at` says when it is tried again; None ends it.
    """
    answer = {"outcome": outcome, "detail": detail, "provider_id": provider_id, "finished_at": now}
    _FINISH.change(tx, answer | {"of_key": ring.key, "of_attempt": ring.attempts})
    values: dict[str, object] = {"of": ring.id, "under": ring.fence}
    if outcome is Outcome.UNKNOWN:
        values["unknown"] = 1
    if retry_at is not None:
        values["next_at"] = retry_at
    done = {Outcome.ACCEPTED: SENT, Outcome.FAILED: FAILED}.get(outcome)
    if done:
        return _SETTLE_DONE.change(tx, values | {"now_state": done}) == 1
    return _SETTLE_AGAIN.change(tx, values) == 1


def refused_before(tx: Connection, ring: Ring) -> bool:
    """Whether an earlier attempt at this ring was refused for now."""
    return _REFUSED_BEFORE.first(tx, {"of_key": ring.key, "now_attempt": ring.attempts}) is not None


def next_at(tx: Connection, full: Sequence[str] = (), kept: Sequence[str] = ()) -> datetime | None:
    """When the next ring may be sent, or the next lease ends.

    What waits for an answer to its person by its channel is left out, and what waits for a `full` channel; on
    one that is `kept`, whoever has not taken the last message waits too.
    """
    found = [tx.scalar(_NEXT_AT, {"full": [*full, *kept]}), tx.scalar(_LEASES_END_AT)]
    if kept:
        found.append(tx.scalar(_NEXT_AT_KEPT, {"kept": list(kept)}))
    return min((at for at in found if at is not None), default=None)
