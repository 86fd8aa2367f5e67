"""Recorded events to rows and back, older versions lifted to today's.

`data` holds the event as it reads without its words, and `words` holds those: they can be erased without
changing the event. None: it has no words. Empty: they were erased.
"""

from __future__ import annotations

from typing import Any

from tocsin.core import history
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Actor, ActorKind
from tocsin.core.words import without, words_in
from tocsin.store.codec import dump, load, made_of


def event_row(kind: str, subject_id: str, seq: int, recorded: Recorded) -> dict[str, Any]:
    """An event as a row of `events`, at today's version of its type."""
    event = recorded.event
    name = history.NAMES[type(event)]
    words = words_in(event)
    return {
        "kind": kind,
        "id": subject_id,
        "seq": seq,
        "at": recorded.at,
        "type": name,
        "v": history.version(name),
        "actor_kind": recorded.actor.kind.value,
        "actor": recorded.actor.id,
        "data": dump(without(event, words) if words else event),
        "words": dump(words) if words else None,
    }


def event_from(row: Any) -> Recorded:
    """The event of a row, lifted to today's version."""
    as_type = history.EVENT_CLASSES[row.type]
    if row.words or row.v != history.version(row.type):
        data = load(row.data, dict[str, Any])
        if row.words:
            data |= load(row.words, dict[str, Any])
        event = made_of(history.lift(row.type, row.v, data), as_type)
    else:
        event = load(row.data, as_type)
    return Recorded(row.at, Actor(ActorKind(row.actor_kind), row.actor), event)
