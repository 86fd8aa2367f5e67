"""Snapshots that an earlier fold made, folded anew from their events, a bounded part at a time.

Whoever loads one meanwhile folds it for himself, so nobody waits for this and nobody sees an old one.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from tocsin import limits
from tocsin.core.incident import FOLD
from tocsin.store import counters
from tocsin.store.codec import dump
from tocsin.store.errors import Corrupt
from tocsin.store.schema import subjects
from tocsin.store.subjects import INCIDENT, snapshot

_COUNTER = "fold"
_OLD = (subjects.c.kind == INCIDENT, subjects.c.fold != FOLD)


@dataclass(frozen=True)
class Part:
    """What one call has done: where the next goes on, how many it folded, and which it could not read."""

    after: str
    folded: int
    unreadable: tuple[str, ...]
    more: bool


def is_done(tx: Connection) -> bool:
    """Whether every snapshot was brought to this fold before."""
    return counters.value_of(tx, _COUNTER) == FOLD


def fold_anew(tx: Connection, after: str) -> Part:
    """Fold the next old snapshots, in the order of their ids past `after`: what fits into one short job.

    One that cannot be read stays as it is, and is found again by whoever loads it.
    """
    rows = tx.execute(
        select(subjects.c.id, subjects.c.version, subjects.c.fold, subjects.c.state)
        .where(*_OLD, subjects.c.id > after)
        .order_by(subjects.c.id)
        .limit(limits.FOLD_INCIDENTS)
    ).all()
    seen, unreadable, events_left = 0, [], limits.FOLD_EVENTS
    for row in rows:
        if events_left <= 0:
            break
        seen, after, events_left = seen + 1, row.id, events_left - row.version
        try:
            state = snapshot(tx, row.id, row.version, row.fold, row.state)
        except (Corrupt, AssertionError, LookupError, ValueError):
            unreadable.append(row.id)
            continue
        # Whoever changed it meanwhile has stored it by today's fold.
        same = (subjects.c.kind == INCIDENT, subjects.c.id == row.id, subjects.c.version == row.version)
        tx.execute(update(subjects).where(*same).values(state=dump(state), fold=FOLD))
    more = bool(rows)
    if not more:
        counters.put(tx, _COUNTER, FOLD)
    return Part(after, seen - len(unreadable), tuple(unreadable), more)
