"""Words that can be erased: which they are, and what stands in their place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.incident import events
from tocsin.core.incident.events import IncidentEvent, Ring
from tocsin.core.model import FactId, Outcome, PersonId
from tocsin.core.policy import Milestone
from tocsin.core.words import ERASED, WORDS, without, words_in

ANA = PersonId("ana")
NO_WORDS = {
    "audience", "changes", "channel", "condition", "deadline", "key", "policy_version", "previous", "promise",
    "threshold", "trigger", "unreachable", "version", "via", "what",
}  # fmt: skip
"""Fields of texts that hold an id, or the plan's own words: nobody wrote them about an incident."""

OURS = {
    events.MarkedDone, events.PageStarted, events.PageWithdrawn, events.RingSkipped, events.RoundStarted,
    events.TasksGiven,
}  # fmt: skip
"""What they say is Tocsin's own or the plan's, and names people by their ids."""


@pytest.mark.parametrize("event_class", get_args(IncidentEvent))
def test_every_text_of_an_event_can_be_erased_or_is_known_to_be_none_that_people_write(
    event_class: type[IncidentEvent],
) -> None:
    hints = get_type_hints(event_class)
    texts = {name for name, hint in hints.items() if hint in (str, tuple[str, ...])}
    texts -= {"reason", "tasks", "words"} if event_class in OURS else set()
    assert texts - set(WORDS.get(event_class, ())) <= NO_WORDS
    assert set(WORDS.get(event_class, ())) <= set(hints)


@given(st.one_of([st.from_type(one) for one in WORDS]))
def test_what_is_erased_is_gone_and_all_else_is_as_it_was(event: IncidentEvent) -> None:
    words = words_in(event)
    left = without(event, words)
    assert type(left) is type(event)
    for name in get_type_hints(type(event)):
        if name not in words:
            assert getattr(left, name) == getattr(event, name)
    assert without(left, words_in(left)) == left


AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ERASURES: list[tuple[IncidentEvent, IncidentEvent]] = [
    (events.NoteAdded("call 555-0100"), events.NoteAdded(ERASED)),
    (events.AlertsJoined(2, ("she is out", "he is in")), events.AlertsJoined(2, (ERASED, ERASED))),
    (
        events.FactsSet(((FactId("customer"), "Acme"), (FactId("data_lost"), ""))),
        events.FactsSet(((FactId("customer"), ERASED), (FactId("data_lost"), ""))),
    ),
    (
        events.PageStarted(1, ANA, "Ana Costa", "on call", Milestone.RESOLVED, (Ring(0, "email"),)),
        events.PageStarted(1, ANA, "ana", "on call", Milestone.RESOLVED, (Ring(0, "email"),)),
    ),
    (
        events.RingSettled(1, 0, ANA, "email", 1, Outcome.FAILED, "no ana@example.com here"),
        events.RingSettled(1, 0, ANA, "email", 1, Outcome.FAILED, ERASED),
    ),
    (
        events.RingSettled(1, 0, ANA, "email", 1, Outcome.ACCEPTED, ""),
        events.RingSettled(1, 0, ANA, "email", 1, Outcome.ACCEPTED, ""),
    ),
    (events.EstimateSet(AT, "she says so"), events.EstimateSet(AT, ERASED)),
]


@pytest.mark.parametrize(("event", "left"), ERASURES, ids=[type(one).__name__ for one, _ in ERASURES])
def test_an_event_reads_so_once_its_words_are_erased(event: IncidentEvent, left: IncidentEvent) -> None:
    assert without(event, words_in(event)) == left
