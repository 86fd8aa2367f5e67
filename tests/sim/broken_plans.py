"""Engines that lose no message and break the plan: each forgets a thing that a ladder or promise needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any
from unittest import mock

from tocsin.core.incident import events
from tocsin.core.incident.acts import breaking, levels, merging, repin
from tocsin.core.incident.paging import triggers
from tocsin.core.incident.promises import cadence, deadlines, steps
from tocsin.core.incident.state.known import known
from tocsin.engine import failing


@contextmanager
def stall_restarts() -> Iterator[None]:
    """Every page begins the wait for progress anew, as if paging one more moved anything."""
    real = steps._own_time

    def broken(state: Any, policy: Any, step: Any, before: datetime, escalated: datetime) -> datetime:
        return real(state, policy, step, before, max(escalated, state.last_step_at or escalated))

    with mock.patch.object(steps, "_own_time", broken):
        yield


@contextmanager
def trigger_fires_twice() -> Iterator[None]:
    """An escalation by impact happens again when somebody acknowledges."""
    real = triggers.fire

    def broken(draft: Any) -> None:
        real(draft)
        if any(isinstance(one.event, events.Acknowledged) for one in draft.recorded):
            facts = known(draft.state, draft.policy)
            for trigger in draft.policy.triggers:
                if trigger.id in draft.state.triggers and trigger.when.holds(facts):
                    triggers._fire(draft, trigger)

    with mock.patch.object(triggers, "fire", broken):
        yield


@contextmanager
def update_not_armed_again() -> Iterator[None]:
    """Once an audience has heard, no next update is due."""
    real = cadence._due_at

    def broken(state: Any, policy: Any, level: Any, one: Any) -> datetime | None:
        return None if one.audience in state.updates else real(state, policy, level, one)

    with mock.patch.object(cadence, "_due_at", broken):
        yield


def _gone(place: object, name: str, instead: object = None) -> Callable[[], AbstractContextManager[None]]:
    """An engine in which a part does nothing, and answers `instead`."""

    @contextmanager
    def broken() -> Iterator[None]:
        with mock.patch.object(place, name, return_value=instead):
            yield

    return broken


raise_forgets_carried = _gone(levels, "carried_by_raise", ())
repin_rewinds = _gone(repin, "_taken", (0, (), ()))
merge_drops_pages = _gone(merging, "_cross")
threshold_never_held = _gone(deadlines, "waiting", ())
nobody_told = _gone(breaking, "tell")
nobody_counts = _gone(failing, "miscounted", ())
