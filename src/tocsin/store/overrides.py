"""Who stands in for whom, and when. What was taken back is kept, so that a past page can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Override
from tocsin.store.schema import overrides


@dataclass(frozen=True)
class Arranged:
    """An override with its record: when it was made, and by whom and when it was taken back."""

    override: Override
    made_at: datetime
    removed_by: str
    removed_at: datetime | None


def add(tx: Connection, override: Override, now: datetime, after: int | None = None) -> Override:
    """Store an override; it comes back with its id.

    `after` is the newest of the rota that was looked at. Of two who looked at the same, and store at the same
    moment, one alone succeeds; the other's job is run again.
    """
    row = insert(overrides).values(
        rota=override.rota,
        person=override.person,
        since=override.since,
        until=override.until,
        replaces=override.replaces,
        made_by=override.by,
        made_at=now,
        reason=override.reason,
        after=after,
    )
    return _override(tx.execute(row.returning(*overrides.c)).one())


def remove(tx: Connection, id: int, by: str, now: datetime) -> bool:
    """Take an override back, from now on; False when there is none that still counts."""
    standing = (overrides.c.id == id, overrides.c.removed_at.is_(None), overrides.c.until > now)
    return tx.execute(update(overrides).where(*standing).values(removed_by=by, removed_at=now)).rowcount == 1


def newest_in(tx: Connection, rota: RotaId) -> int:
    """The id of the rota's newest override, whether it counts still or not; 0 before the first."""
    return tx.scalar(select(func.max(overrides.c.id)).where(overrides.c.rota == rota)) or 0


def between(tx: Connection, since: datetime, until: datetime) -> tuple[Override, ...]:
    """Every override that counts at some moment from `since` until `until`."""
    return tuple(
        _override(row)
        for row in tx.execute(
            select(overrides)
            .where(overrides.c.until > since, overrides.c.since < until)
            .order_by(overrides.c.id)
        )
        if row.removed_at is None or row.removed_at > max(since, row.since)
    )


def standing(tx: Connection, now: datetime) -> tuple[Override, ...]:
    """Every override that counts now or will."""
    statement = select(overrides).where(overrides.c.until > now, overrides.c.removed_at.is_(None))
    return tuple(_override(row) for row in tx.execute(statement.order_by(overrides.c.id)))


def count(tx: Connection, now: datetime) -> int:
    """How many overrides count now or will."""
    statement = select(func.count()).where(overrides.c.until > now, overrides.c.removed_at.is_(None))
    return tx.scalar(statement) or 0


def arranged(tx: Connection, now: datetime) -> Sequence[Arranged]:
    """What counts now or will, with its record, whatever begins first before the rest."""
    statement = select(overrides).where(overrides.c.until > now, overrides.c.removed_at.is_(None))
    return _records(tx, statement.order_by(overrides.c.since, overrides.c.id))


def newest(tx: Connection, limit: int) -> Sequence[Arranged]:
    """The newest overrides, those that were taken back too."""
    return _records(tx, select(overrides).order_by(overrides.c.id.desc()).limit(limit))


def _records(tx: Connection, rows: Select[Any]) -> Sequence[Arranged]:
    return [Arranged(_override(row), row.made_at, row.removed_by, row.removed_at) for row in tx.execute(rows)]


def _override(row: Any) -> Override:
    """What was taken back counted until then."""
    return Override(
        row.id,
        RotaId(row.rota),
        PersonId(row.person),
        row.since,
        row.until if row.removed_at is None else min(row.until, row.removed_at),
        PersonId(row.replaces) if row.replaces is not None else None,
        row.made_by,
        row.reason,
    )
