"""What the ledger of every attempt to send has to tell; `outbox` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from tocsin.core.model import PersonId, SubjectId
from tocsin.store.schema import deliveries


def paged_last(tx: Connection, people: Iterable[PersonId]) -> dict[PersonId, datetime]:
    """When each of these people was last sent a page; nothing for those who never were."""
    found = {}
    for person in people:
        newest = (
            select(deliveries.c.started_at)
            .where(deliveries.c.person == person, deliveries.c.key.not_like("%/told/%"))
            .order_by(deliveries.c.started_at.desc())
            .limit(1)
        )
        at = tx.scalar(newest)
        if at is not None:
            found[person] = at
    return found


def of_bundle(tx: Connection, bundle: str) -> list[tuple[SubjectId, PersonId]]:
    """The incidents that a message listed, with the person it went to."""
    rows = tx.execute(
        select(deliveries.c.subject_id, deliveries.c.person)
        .where(deliveries.c.bundle == bundle)
        .order_by(deliveries.c.id)
    )
    return list(dict.fromkeys((SubjectId(row.subject_id), PersonId(row.person)) for row in rows))


def of_incident(tx: Connection, incident: str) -> Sequence[Any]:
    """Every attempt for an incident, in order."""
    return tx.execute(
        select(deliveries).where(deliveries.c.subject_id == incident).order_by(deliveries.c.id)
    ).all()
