"""Stored events by name and version. An older version is lifted to today's before anything reads it.

From the first release on, every version ever written stays readable here: a changed event gets the next
version number and a lifting function, and recorded streams of every release are replayed by the tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from tocsin.core.incident import events

Lift = Callable[[dict[str, Any]], dict[str, Any]]


def _name(event_class: type[object]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event_class.__name__).lower()


EVENT_CLASSES: Mapping[str, type[events.IncidentEvent]] = {
    _name(event_class): event_class for event_class in get_args(events.IncidentEvent)
}
"""Every event type by its stored name."""

NAMES: Mapping[type[object], str] = {event_class: name for name, event_class in EVENT_CLASSES.items()}

LIFTS: Mapping[str, tuple[Lift, ...]] = {}
"""Per stored name, the functions from version 1 to 2, from 2 to 3, and so on."""


def version(name: str) -> int:
    """The version that is written today."""
    return len(LIFTS.get(name, ())) + 1


def lift(name: str, written: int, data: dict[str, Any]) -> dict[str, Any]:
    """`data` as the newest version of the event would hold it."""
    for step in LIFTS.get(name, ())[written - 1 :]:
        data = step(data)
    return data
