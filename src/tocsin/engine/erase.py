"""Erasing words for good: of events, of whole incidents, or wherever they stand.

What was decided stays as it is: erasing changes no state, no due time and no message's fate.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.core.incident import Incident, events, fold, fold_all
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Actor, PersonId, Refused, SubjectId
from tocsin.core.words import Matches, copying, every, texts, without, words_in
from tocsin.store import erasing, subjects
from tocsin.store.transaction import Transaction


@dataclass(frozen=True)
class Erasure:
    """What is to be erased of an incident.

    `numbers`: these events, and copies of what they say. Else whatever matches, and the name of `person`.
    """

    by: Actor
    reason: str
    matches: Matches = every
    numbers: Collection[int] = ()
    person: PersonId | None = None


@dataclass(frozen=True)
class Erased:
    """What was erased of one incident: events by their numbers, and how many rows beside them.

    `copies` matches the erased texts elsewhere; incidents that were merged with this one may hold some.
    `kept` are events that matched, whose facts decide how an incident goes on that is not over.
    """

    incident: SubjectId
    events: tuple[int, ...]
    rows: int
    copies: Matches
    merged_with: tuple[SubjectId, ...]
    kept: tuple[int, ...] = ()


def erase(tx: Transaction, incident: SubjectId, wanted: Erasure, now: datetime) -> Erased | Refused:
    """Erase words of one incident. Raises Conflict when it changes meanwhile; run the job again then."""
    stored = subjects.load_incident(tx, incident)
    if stored is None:
        return Refused(f"There is no incident {incident}.")
    history = subjects.history_of(tx, incident)
    words = erasing.words_of(tx, incident)
    if (refused := _refused(stored.state, history, words, wanted)) is not None:
        return refused
    said = [one for number in wanted.numbers for one in texts(words[number])]
    matches = copying(said) if wanted.numbers else wanted.matches
    found = [
        number
        for number, some in words.items()
        if number in wanted.numbers
        or any(map(matches, texts(some)))
        or ("person_name" in some and wanted.person == getattr(history[number - 1].event, "person", None))
    ]
    kept = [] if stored.state.status.over else [one for one in found if _decides(history[one - 1])]
    numbers = tuple(one for one in found if one not in kept)
    copies = copying(one for number in numbers for one in texts(words[number]))
    erasing.erase_quarantined(tx, incident, matches)
    rows = sum(erasing.erase_in(tx, place, matches, place.of(incident)) for place in erasing.OF_INCIDENTS)
    if numbers:
        record = Recorded(now, wanted.by, events.WordsErased(numbers, wanted.reason))
        state = fold(_folded_without(history, numbers), record)
        erasing.keep(tx, state, numbers, record, stored.version, now)
    relatives = (*stored.state.absorbed, *filter(None, [stored.state.merged_into]))
    return Erased(incident, numbers, rows, copies, relatives, tuple(kept))


def _refused(
    state: Incident, history: Sequence[Recorded], words: Collection[int], wanted: Erasure
) -> Refused | None:
    for number in wanted.numbers:
        if not 0 < number <= len(history):
            return Refused(f"{state.id} has no event {number}: they are numbered from 1 to {len(history)}.")
        if number not in words:
            return Refused(f"Event {number} of {state.id} has no words that can be erased, or none any more.")
        if _decides(history[number - 1]) and not state.status.over:
            return Refused(
                f"Event {number} of {state.id} says facts by which it goes on. Set them anew, and erase this "
                "once it is over."
            )
    if wanted.matches is every and not wanted.numbers and not state.status.over:
        return Refused(f"{state.id} is not over. Erase single events of it, or the whole once it is over.")
    return None


def _decides(recorded: Recorded) -> bool:
    return isinstance(recorded.event, events.FactsSet)


def _folded_without(history: Sequence[Recorded], numbers: Collection[int]) -> Incident | None:
    return fold_all(
        Recorded(one.at, one.actor, without(one.event, words_in(one.event))) if number in numbers else one
        for number, one in enumerate(history, 1)
    )
