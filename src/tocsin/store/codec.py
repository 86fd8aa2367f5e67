"""Frozen values to stored text and back."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from tocsin.core import history
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Actor, ActorKind
from tocsin.store.errors import Corrupt

T = TypeVar("T")


def dump(value: object) -> str:
    """Any frozen value as JSON text."""
    return msgspec.json.encode(value).decode()


def load(text: str, as_type: type[T]) -> T:
    """The value that `dump` wrote, checked against its type; raises Corrupt when it is not that any more."""
    try:
        return msgspec.json.decode(text, type=as_type)
    except msgspec.DecodeError as wrong:
        raise Corrupt(f"A stored {as_type.__name__} cannot be read: {wrong}.") from wrong


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
