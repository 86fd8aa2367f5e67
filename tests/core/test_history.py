"""Stored events: every kind has a name that stays, goes to text and back, and old versions are lifted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core import history
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Actor, PersonId
from tocsin.store.event_codec import event_from, event_row

NAMES = """
absorbed acknowledged acknowledgement_lapsed alerts_cleared alerts_joined carried_step_taken closed
escalated estimate_set facts_set hand_over_confirmed hand_over_offered held_by_default level_lowered
level_raised linked marked_done merged_into mitigated mitigation_begun nobody_reached note_added opened
page_answered page_started page_withdrawn progress_extended promise_broken promise_warned reopened
repinned resolved restricted ring_sent ring_settled ring_skipped role_assigned role_handed_over
round_started stall_warned step_taken steps_carried_over tasks_given threshold_crossed threshold_held
threshold_left told trigger_fired update_missed update_posted verified words_erased
"""
"""Written down here once more, because renaming a class must not rename what is stored."""

RECORDED = st.builds(
    Recorded,
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # Hypothesis adds the zone
    st.from_type(Actor),
    st.one_of([st.from_type(one) for one in get_args(events.IncidentEvent)]),
)


@dataclass(frozen=True)
class Row:
    """A row of `events` as the store gives it back."""

    at: datetime
    type: str
    v: int
    actor_kind: str
    actor: str
    data: str
    words: str | None = None


def stored(recorded: Recorded) -> Row:
    written = event_row("incident", "INC-1", 1, recorded)
    return Row(**{name: written[name] for name in Row.__dataclass_fields__})


def test_every_event_has_the_name_it_was_first_stored_under() -> None:
    assert sorted(history.EVENT_CLASSES) == NAMES.split()
    assert set(history.NAMES) == set(get_args(events.IncidentEvent))


@settings(deadline=None)
@given(RECORDED)
def test_every_event_comes_back_as_it_was_stored(recorded: Recorded) -> None:
    assert event_from(stored(recorded)) == recorded


def test_an_old_version_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_via(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"via": "link"}

    def with_kind(data: dict[str, Any]) -> dict[str, Any]:
        return data | {"by": {"kind": "person", "id": data["by"]}}

    monkeypatch.setattr(history, "LIFTS", {"acknowledged": (with_via, with_kind)})
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ana = {"kind": "person", "id": "ana"}
    first = Row(at, "acknowledged", 1, "person", "ana", '{"by": "ana"}')
    second = Row(at, "acknowledged", 2, "person", "ana", '{"by": "ana", "via": "web"}')
    third = Row(
        at, "acknowledged", 3, "person", "ana", '{"by": {"kind": "person", "id": "ana"}, "via": "api"}'
    )
    lifted = [event_from(row).event for row in (first, second, third)]
    assert [one.via for one in lifted if isinstance(one, events.Acknowledged)] == ["link", "web", "api"]
    assert {str(one.by) for one in lifted if isinstance(one, events.Acknowledged)} == {"ana"}
    assert history.lift("acknowledged", 1, {"by": "ana"}) == {"by": ana, "via": "link"}
    assert history.version("acknowledged") == 3


def test_a_step_stored_before_answers_were_noted_is_still_read() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    data = '{"round": 0, "step": 1, "paged": ["ana"], "unreachable": []}'
    row = Row(at, "step_taken", 1, "system", "", data)
    assert event_from(row).event == events.StepTaken(0, 1, (PersonId("ana"),), ())
