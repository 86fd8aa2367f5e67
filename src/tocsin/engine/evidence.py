"""One incident: what its events promise, held against what is stored and what was really sent.

Neither `due_at` nor the effects are asked what should have happened: they are what is being looked after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from tocsin import limits
from tocsin.core.incident import Incident, Status, deadlines, events, fold_all
from tocsin.core.incident.events import Recorded
from tocsin.core.model import DeadlineState, SubjectId
from tocsin.core.policy import Policy
from tocsin.engine.context import Context, NoPlan
from tocsin.plan.problems import PlanRefused
from tocsin.store import audit as stored
from tocsin.store import subjects
from tocsin.store.audit import Attempts, Standing
from tocsin.store.errors import Corrupt
from tocsin.store.outbox import LEASED, WAITING, WITHDRAWN
from tocsin.store.transaction import Transaction

LATE = timedelta(seconds=limits.AUDIT_LATE_SECONDS)
RETRY = timedelta(seconds=limits.RETRY_MOST_SECONDS)
LEDGER_SURE = timedelta(days=1)
"""How long after its end an incident's ledger is surely there: retention keeps it for a day at least."""

BY_HAND = "Call whoever is needed by hand, then look into the server's log."
KEEP_IT = "Keep a copy of the database, restore the newest backup into a new folder, and compare."

PAGING = ("step", "repeat", "ring")
"""Deadlines that page somebody when they come."""

Sentence = tuple[str, str]
"""What is wrong, to follow the incident's id, and the remedy."""


def sentences(
    tx: Transaction, context: Context, incident: SubjectId, standing: Standing, now: datetime
) -> Iterator[Sentence]:
    """Everything that is wrong with an incident that stands as `standing`; nothing for a healthy one."""
    if standing.quarantined:
        yield f"is set aside and pages nobody any more: {standing.quarantined}", BY_HAND
        return
    if standing.events != standing.version:
        yield f"has {standing.events} events, and its version says {standing.version}.", KEEP_IT
        return
    try:
        history = subjects.history_of(tx, incident)[: standing.version]
        state, kept = fold_all(history), subjects.load_incident(tx, incident)
        assert state is not None, "it has no events"
        policy = context.policy(tx, state.policy_version)
        policy.level(state.level)
    except (Corrupt, NoPlan, PlanRefused, AssertionError, LookupError, ValueError) as error:
        yield f"cannot be read: {error}", BY_HAND
        return
    wrong = [
        one.name
        for one in fields(state)
        if kept is not None and getattr(state, one.name) != getattr(kept.state, one.name)
    ]
    if wrong:
        yield f"is not stored as its events say ({', '.join(wrong)}).", KEEP_IT
    yield from _promises(state, policy, now)
    if state.over_at is None or state.over_at > now - LEDGER_SURE:
        yield from _rings(state, history, stored.attempts(tx, incident), now)


def _promises(state: Incident, policy: Policy, now: datetime) -> Iterator[Sentence]:
    due = [one for one in deadlines(state, policy) if one.state is DeadlineState.DUE]
    late = next((one for one in due if one.due_at < now - LATE), None)
    leads_on = [one for one in due if one.id.partition(":")[0] in PAGING]
    if late:
        yield f"is late with `{late.promise}`, which was due at {_clock(late.due_at)}.", BY_HAND
    if state.status is Status.TRIGGERED and policy.level(state.level).pages and not leads_on:
        yield "is not acknowledged, and nobody will be paged for it any more.", BY_HAND


def _rings(
    state: Incident, history: Sequence[Recorded], attempts: Mapping[str, Attempts], now: datetime
) -> Iterator[Sentence]:
    for recorded in history:
        ring = recorded.event
        if not isinstance(ring, events.RingSent | events.Told):
            continue
        which = f"ring of {_clock(recorded.at)} to {ring.person} by {ring.channel}"
        known = attempts.get(ring.key)
        if known is None:
            yield f"has no trace of its {which} in outbox or ledger.", BY_HAND
        elif isinstance(ring, events.RingSent) and state.page(ring.page) is None:
            continue  # its purpose is reached: whatever was not sent need not be
        elif known.state == WITHDRAWN:
            yield f"will not send its {which}, though it has not been answered.", BY_HAND
        elif known.state in (WAITING, LEASED) and _is_late(recorded.at, known.tried_at, now):
            yield f"has not sent its {which}.", BY_HAND


def _is_late(rung_at: datetime, tried_at: datetime | None, now: datetime) -> bool:
    return rung_at < now - LATE if tried_at is None else tried_at < now - LATE - RETRY


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S} UTC"
