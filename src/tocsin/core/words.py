"""Which words of events can be erased: what people and sources wrote, and what names a person.

They are stored beside their event, so that erasing them leaves the event as it is. The plan's own words stay,
tasks and promises among them: nobody wrote them about this incident. So do ids, by which it is decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from tocsin.core.evolve import evolve
from tocsin.core.incident import events
from tocsin.core.incident.events import IncidentEvent

ERASED = "These words were erased."
"""What stands where words have been."""

WORDS: Mapping[type[IncidentEvent], tuple[str, ...]] = {
    events.Opened: ("title", "reason"),
    events.AlertsJoined: ("sample",),
    events.AlertsCleared: ("sample",),
    events.Mitigated: ("how",),
    events.Resolved: ("reason",),
    events.Closed: ("reason",),
    events.Reopened: ("reason",),
    events.LevelRaised: ("reason",),
    events.LevelLowered: ("reason",),
    events.Escalated: ("reason",),
    events.ProgressExtended: ("reason",),
    events.FactsSet: ("values",),
    events.PageStarted: ("person_name",),
    events.RingSettled: ("detail",),
    events.Told: ("person_name", "words"),
    events.NoteAdded: ("text",),
    events.EstimateSet: ("reason",),
    events.Linked: ("to", "what"),
    events.UpdatePosted: ("text",),
    events.WordsErased: ("reason",),
}
"""By event, the fields that hold such words."""


def words_in(event: IncidentEvent) -> dict[str, Any]:
    """The fields of the event that hold words now; empty for most events."""
    names = WORDS.get(type(event), ())
    return {name: value for name in names if (value := getattr(event, name))}


def without(event: IncidentEvent, words: Mapping[str, Any]) -> IncidentEvent:
    """The event as it reads once these words of it are erased: nothing that is decided by it changes.

    Of a list each item is erased by itself, of a fact what was said and not which; a name becomes the id.
    """
    left: dict[str, Any] = {}
    for name, value in words.items():
        if name == "person_name":
            left[name] = event.person  # type: ignore[union-attr]  # whatever has the name has the id
        elif isinstance(event, events.FactsSet):
            left[name] = tuple((fact, said and ERASED) for fact, said in event.values)
        else:
            left[name] = ERASED if isinstance(value, str) else (ERASED,) * len(value)
    return evolve(event, **left)


COPY_LEAST = 8
"""A shorter text is looked for only by itself: within longer ones it may well mean something else."""


class Matches(Protocol):
    """Which texts are to be erased."""

    def __call__(self, text: str) -> bool: ...


def every(text: str) -> bool:
    """Matches whatever says something."""
    return bool(text) and text != ERASED


def holding(phrases: Iterable[str]) -> Matches:
    """Matches texts in which one of the phrases stands as whole words, in capitals or not."""
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in phrases), re.IGNORECASE)
    return lambda text: pattern.search(text) is not None


def copying(texts: Iterable[str]) -> Matches:
    """Matches copies of these texts, and longer texts that hold one."""
    known = set(filter(every, texts))
    long = [one for one in known if len(one) >= COPY_LEAST]
    return lambda text: text in known or any(one in text for one in long)


def texts(words: Mapping[str, Any]) -> Iterator[str]:
    """Every single text in words, as `words_in` gives them or as they are stored."""
    for value in words.values():
        for one in (value,) if isinstance(value, str) else value:
            yield one if isinstance(one, str) else one[1]
