"""Rows of the store as a run reads them for itself."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from tocsin.core.incident.events import Recorded
from tocsin.store.event_codec import event_from
from tocsin.store.schema import from_micros

EVENT_COLUMNS = "SELECT at, type, v, actor_kind, actor, data, words FROM events"


def recorded(row: Sequence[Any]) -> Recorded:
    """An event, by the production codec."""
    at, type, v, actor_kind, actor, data, words = row
    return event_from(
        SimpleNamespace(
            at=from_micros(at), type=type, v=v, actor_kind=actor_kind, actor=actor, data=data, words=words
        )
    )
