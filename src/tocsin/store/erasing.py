"""Erasing words wherever the database keeps them: beside events, in alerts, messages and the ledger.

What an event was decided by stays, so erasing its words changes neither its row's `data` nor its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, func, insert, select, text, update

from tocsin.core.incident import FOLD, Incident
from tocsin.core.incident.events import Recorded
from tocsin.core.model import AlertAction, Signal, SubjectId
from tocsin.core.words import ERASED, Matches, texts
from tocsin.store.codec import dump, load
from tocsin.store.errors import Conflict, Corrupt
from tocsin.store.event_codec import event_row
from tocsin.store.schema import alerts, deliveries, erasures, events, mailbox, outbox, overrides, subjects
from tocsin.store.subjects import INCIDENT

ROWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Place:
    """A table whose rows hold words: where they are, and how its rows belong to an incident."""

    table: Table
    columns: tuple[str, ...]

    def of(self, incident: str) -> ColumnElement[bool]:
        """The rows that belong to this incident."""
        if self.table is mailbox:
            bundles = select(deliveries.c.bundle).where(deliveries.c.subject_id == incident)
            return mailbox.c.key.in_(bundles)
        belongs: Column[str] = self.table.c.subject_id
        return belongs == incident


OF_INCIDENTS = (
    Place(alerts, ("summary", "body", "facts", "dedup_key")),
    Place(outbox, ("words",)),
    Place(deliveries, ("detail",)),
    Place(mailbox, ("subject", "text")),
)
PLACES = (*OF_INCIDENTS, Place(overrides, ("reason",)))


def words_of(tx: Connection, incident: str) -> dict[int, dict[str, Any]]:
    """By the number of the event, the words that are still there."""
    rows = tx.execute(
        select(events.c.seq, events.c.words)
        .where(events.c.kind == INCIDENT, events.c.id == incident, events.c.words != "")
        .order_by(events.c.seq)
    )
    return {row.seq: load(row.words, dict[str, Any]) for row in rows}


def incidents_with(tx: Connection, matches: Matches) -> Iterator[SubjectId]:
    """Incidents with an event whose words match."""
    after = ("", 0)
    while True:
        past = (events.c.id > after[0]) | ((events.c.id == after[0]) & (events.c.seq > after[1]))
        rows = tx.execute(
            select(events.c.id, events.c.seq, events.c.words)
            .where(events.c.kind == INCIDENT, events.c.id >= after[0], past)
            .order_by(events.c.id, events.c.seq)
            .limit(ROWS_AT_ONCE)
        ).all()
        found = (row.id for row in rows if row.words and _any(matches, row.words))
        yield from map(SubjectId, dict.fromkeys(found))
        if len(rows) < ROWS_AT_ONCE:
            return
        after = (rows[-1].id, rows[-1].seq)


def _any(matches: Matches, words: str) -> bool:
    return any(map(matches, texts(load(words, dict[str, Any]))))


def keep(
    tx: Connection, state: Incident, numbers: Sequence[int], recorded: Recorded, version: int, now: datetime
) -> None:
    """Erase the words of these events, put the snapshot without them, and record who did it.

    Nothing that is due changes. Raises Conflict when the incident is no longer at that version.
    """
    of_incident = (events.c.kind == INCIDENT, events.c.id == state.id)
    tx.execute(update(events).where(*of_incident, events.c.seq.in_(numbers)).values(words=""))
    changed = tx.execute(
        update(subjects)
        .where(subjects.c.kind == INCIDENT, subjects.c.id == state.id, subjects.c.version == version)
        .values(state=dump(state), fold=FOLD, version=version + 1, updated_at=now)
    )
    if changed.rowcount != 1:
        raise Conflict(f"{state.id} was changed by somebody else")
    tx.execute(insert(events).values(event_row(INCIDENT, state.id, version + 1, recorded)))


def erase_quarantined(tx: Connection, incident: str, matches: Matches) -> None:
    """Why an incident was set aside may quote it."""
    one = (subjects.c.kind == INCIDENT, subjects.c.id == incident)
    why = tx.scalar(select(subjects.c.quarantined).where(*one))
    if why and matches(why):
        tx.execute(update(subjects).where(*one).values(quarantined=ERASED))


def erase_in(tx: Connection, place: Place, matches: Matches, *where: ColumnElement[bool]) -> int:
    """Erase the words of the rows that match, among those of `where`; how many rows those were."""
    table, found = place.table, 0
    for row in tx.execute(select(table).where(*where)).all():
        held = (one for name in place.columns for one in _texts(getattr(row, name)))
        if any(map(matches, held)):
            tx.execute(update(table).where(table.c.id == row.id).values(_erased(place, row)))
            found += 1
    return found


def _texts(column: str) -> Iterator[str]:
    """What a column says, and each text of what is stored as JSON, in which quotes are spelled otherwise."""
    yield column
    if column.startswith("{"):
        with suppress(Corrupt):
            yield from _within(load(column, dict[str, Any]))


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _within(one)
    elif isinstance(value, list):
        for one in value:
            yield from _within(one)


def _erased(place: Place, row: Any) -> dict[str, str]:
    if place.table is not alerts:
        return {name: getattr(row, name) and ERASED for name in place.columns}
    key = f"erased {row.id}"
    values = {"summary": ERASED, "body": dump(Signal(AlertAction.TRIGGER, key, ERASED)), "facts": ""}
    # An open alert is known by its key: without it the source could not say that it is over.
    return values | ({"dedup_key": key} if row.status == "resolved" else {})


def last_row(tx: Connection, place: Place) -> int:
    """The number of the newest row."""
    return int(tx.scalar(select(func.max(place.table.c.id))) or 0)


def note(tx: Connection, now: datetime, made_by: str, reason: str, what: str, count: int) -> None:
    """Record an erasure as a whole."""
    row = {"at": now, "made_by": made_by, "reason": reason, "what": what, "texts": count}
    tx.execute(insert(erasures).values(row))


def noted(tx: Connection) -> Sequence[Any]:
    """Every erasure, the newest first."""
    return tx.execute(select(erasures).order_by(erasures.c.id.desc())).all()


def scrub(engine: Engine) -> bool:
    """Leave nothing of what was erased in the database's files; False when somebody's reading kept us."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in (events, subjects, *(place.table for place in PLACES)):
                alone.execute(text(f"VACUUM {table.name}"))
            return True
        with closing(connection.connection.cursor()) as cursor:
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
