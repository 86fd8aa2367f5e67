"""Recorded events to rows and back, older versions lifted to today's."""

from __future__ import annotations

from typing import Any

from tocsin.core import history
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Actor, ActorKind
from tocsin.store.codec import dump, load


def event_row(kind: str, subject_id: str, seq: int, recorded: Recorded) -> dict[str, Any]:
    """An event as a row of `events`, at today's version of its type."""
    name = history.NAMES[type(recorded.event)]
    return {
        "kind": kind,
        "id": subject_id,
        "seq": seq,
        "at": recorded.at,
        "type": name,
        "v": history.version(name),
        "actor_kind": recorded.actor.kind.value,
        "actor": recorded.actor.id,
        "data": dump(recorded.event),
    }


def event_from(row: Any) -> Recorded:
    """The event of a row, lifted to today's version."""
    data = row.data
    if row.v != history.version(row.type):
        data = dump(history.lift(row.type, row.v, load(data, dict[str, Any])))
    event = load(data, history.EVENT_CLASSES[row.type])
    return Recorded(row.at, Actor(ActorKind(row.actor_kind), row.actor), event)
