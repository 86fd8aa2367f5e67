"""What need not be kept for ever, removed a little at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, exists, or_, select

from tocsin import limits
from tocsin.store.outbox import FAILED, SENT, SIGN_IN, WITHDRAWN
from tocsin.store.schema import alerts, deliveries, events, mailbox, outbox, overrides, subjects, tokens
from tocsin.store.subjects import INCIDENT, OVER

INCIDENTS_AT_ONCE = 20


@dataclass(frozen=True)
class Keep:
    """How long things stay: `days` for resolved alerts, past stand-ins, and messages of what is over.

    Incidents with their events are the record; they stay for ever unless `incident_days` is set.
    """

    days: int = 400
    incident_days: int | None = None
    mailbox_messages: int = 1_000

    def __post_init__(self) -> None:
        assert self.days > 0
        assert self.incident_days is None or self.incident_days > 0


@dataclass(frozen=True)
class Pruned:
    """How many of each were removed. `more`: there may be more to remove, so call again."""

    incidents: int = 0
    alerts: int = 0
    messages: int = 0
    deliveries: int = 0
    tokens: int = 0
    overrides: int = 0
    mailbox: int = 0
    more: bool = False


def prune(tx: Connection, now: datetime, keep: Keep, rows_max: int = limits.RETENTION_ROWS) -> Pruned:
    """Remove what is older than `keep` says, at most `rows_max` rows.

    An incident that goes at all goes whole, with everything that belongs to it, and may go past `rows_max`.
    """
    before = now - timedelta(days=keep.days)
    turn = _Turn(tx, rows_max)
    incidents = _incidents(turn, now, keep.incident_days)
    pruned = Pruned(
        incidents=incidents,
        alerts=turn.remove(alerts, alerts.c.id, *_old_alerts(tx, before)),
        messages=turn.remove(outbox, outbox.c.id, *_old_messages(tx, before)),
        deliveries=turn.remove(deliveries, deliveries.c.id, *_old_deliveries(tx, before)),
        tokens=turn.remove(tokens, tokens.c.hash, tokens.c.expires_at <= now),
        overrides=turn.remove(overrides, overrides.c.id, overrides.c.until < before),
        mailbox=turn.remove(mailbox, mailbox.c.id, *_old_mail(tx, keep.mailbox_messages)),
    )
    return replace(pruned, more=turn.rows_left <= 0 or incidents == INCIDENTS_AT_ONCE)


@dataclass(slots=True)
class _Turn:
    """One transaction's worth of removing."""

    tx: Connection
    rows_left: int

    def remove(self, table: Table, key: Column[object], *where: ColumnElement[bool]) -> int:
        """Remove the first rows of a table that fulfil all of `where`, as many as may still go."""
        if self.rows_left <= 0:
            return 0
        some = select(key).where(*where).order_by(key).limit(self.rows_left)
        return self.take(table, key.in_(some))

    def take(self, table: Table, *where: ColumnElement[bool]) -> int:
        """Remove all rows that fulfil `where`."""
        removed = self.tx.execute(delete(table).where(*where)).rowcount
        self.rows_left -= removed
        return removed


def _incidents(turn: _Turn, now: datetime, days: int | None) -> int:
    if days is None:
        return 0
    # The sum keeps SQLite from walking the index on kind, in which everything is alike.
    over = (subjects.c.kind + "" == INCIDENT, *_is_over(now - timedelta(days=days)))
    statement = select(subjects.c.id).where(*over).order_by(subjects.c.updated_at).limit(INCIDENTS_AT_ONCE)
    removed = 0
    for id in turn.tx.scalars(statement).all():
        if turn.rows_left <= 0:
            break
        for table in (events, subjects):
            turn.take(table, table.c.kind == INCIDENT, table.c.id == id)
        for table in (alerts, outbox, deliveries):
            turn.take(table, table.c.subject_id == id)
        removed += 1
    return removed


def _is_over(before: datetime) -> Sequence[ColumnElement[bool]]:
    # The last change of an incident that is over came at its end or after it; what has a due time is still
    # promised for afterwards.
    return (subjects.c.status.in_(OVER), subjects.c.due_at.is_(None), subjects.c.updated_at < before)


def _belongs_to_one_over(subject_id: Column[str], before: datetime) -> ColumnElement[bool]:
    return exists().where(subjects.c.kind == INCIDENT, subjects.c.id == subject_id, *_is_over(before))


def _old_alerts(tx: Connection, before: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        alerts.c.id < _first_since(tx, alerts.c.id, alerts.c.first_at, before),
        alerts.c.status == "resolved",
        alerts.c.dirty == 0,
        alerts.c.last_at < before,
        or_(alerts.c.subject_id.is_(None), _belongs_to_one_over(alerts.c.subject_id, before)),
    )


def _old_messages(tx: Connection, before: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        outbox.c.id < _first_since(tx, outbox.c.id, outbox.c.created_at, before),
        outbox.c.state.in_([SENT, FAILED, WITHDRAWN]),
        or_(outbox.c.kind == SIGN_IN, _belongs_to_one_over(outbox.c.subject_id, before)),
    )


def _old_deliveries(tx: Connection, before: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        deliveries.c.id < _first_since(tx, deliveries.c.id, deliveries.c.started_at, before),
        or_(deliveries.c.subject_id == "", _belongs_to_one_over(deliveries.c.subject_id, before)),
    )


def _old_mail(tx: Connection, messages: int) -> Sequence[ColumnElement[bool]]:
    newest = select(mailbox.c.id).order_by(mailbox.c.id.desc()).offset(messages).limit(1)
    last = tx.scalar(newest)
    return (mailbox.c.id <= (last if last is not None else -1),)


def _first_since(tx: Connection, id: Column[int], at: Column[datetime], before: datetime) -> int:
    """The number below which every row was made earlier than `before`.

    Numbers grow with time, so that a search by halves finds it without an index on time, which the hot path
    would have to keep; what is young is never read.
    """
    low = tx.scalar(select(id).order_by(id).limit(1)) or 0
    high = (tx.scalar(select(id).order_by(id.desc()).limit(1)) or -1) + 1
    while low < high:
        middle = (low + high) // 2
        row = tx.execute(select(id, at).where(id >= middle).order_by(id).limit(1)).one()
        if row[1] < before:
            low = row[0] + 1
        else:
            high = middle
    return low
