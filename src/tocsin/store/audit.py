"""What the auditor reads: which incidents to look at, and what is really stored for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from tocsin.store.schema import deliveries, events, outbox, subjects
from tocsin.store.subjects import INCIDENT, OVER


def changed(
    tx: Connection, after: tuple[datetime, str], until: datetime, limit: int
) -> Sequence[tuple[str, datetime]]:
    """(incident, when it last changed) for changes past `after` and before `until`, in that order."""
    at, id = after
    past = or_(subjects.c.updated_at > at, and_(subjects.c.updated_at == at, subjects.c.id > id))
    # Two hints for the index on updated_at: a plain bound beside the exact one, and a sum that keeps SQLite
    # from walking the index on kind, in which everything is alike.
    bounds = (subjects.c.updated_at >= at, subjects.c.updated_at < until, subjects.c.kind + "" == INCIDENT)
    statement = (
        select(subjects.c.id, subjects.c.updated_at)
        .where(*bounds, past)
        .order_by(subjects.c.updated_at, subjects.c.id)
        .limit(limit)
    )
    return [(row.id, row.updated_at) for row in tx.execute(statement)]


def open_after(tx: Connection, after: str, limit: int) -> Sequence[str]:
    """Incidents not over, in the order of their ids, past that one."""
    return tx.scalars(
        select(subjects.c.id)
        .where(subjects.c.kind == INCIDENT, subjects.c.id > after, subjects.c.status.not_in(OVER))
        .order_by(subjects.c.id)
        .limit(limit)
    ).all()


@dataclass(frozen=True)
class Standing:
    """An incident's row at one instant, with how many events were stored at that same instant."""

    version: int
    events: int
    quarantined: str


def standing(tx: Connection, incident: str) -> Standing | None:
    """How an incident stands. One statement: PostgreSQL would show two statements two instants."""
    stored = select(func.count()).where(events.c.kind == INCIDENT, events.c.id == incident)
    row = tx.execute(
        select(subjects.c.version, subjects.c.quarantined, stored.scalar_subquery().label("events")).where(
            subjects.c.kind == INCIDENT, subjects.c.id == incident
        )
    ).first()
    return None if row is None else Standing(row.version, row.events, row.quarantined)


@dataclass(frozen=True)
class Attempts:
    """What was done about a ring: the state of its outbox row, and when the last attempt began or ended."""

    state: str
    tried_at: datetime | None


def attempts(tx: Connection, incident: str) -> dict[str, Attempts]:
    """By key, every ring of the incident that the outbox or the ledger knows."""
    tried: dict[str, datetime] = {}
    states: dict[str, str] = {}
    ledger = select(deliveries.c.key, func.coalesce(deliveries.c.finished_at, deliveries.c.started_at))
    for key, at in tx.execute(ledger.where(deliveries.c.subject_id == incident)):
        tried[key] = max(at, tried.get(key, at))
        states[key] = ""
    queued = select(outbox.c.key, outbox.c.state).where(outbox.c.subject_id == incident)
    for key, state in tx.execute(queued):
        states[key] = state
    return {key: Attempts(state, tried.get(key)) for key, state in states.items()}
