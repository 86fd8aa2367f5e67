"""Pages that were promised for a time, carried over where the ladder begins anew: nothing puts them off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from tocsin.core.incident import events
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.events import CarriedStep
from tocsin.core.incident.paging.ladder import besides
from tocsin.core.incident.paging.pages import page
from tocsin.core.incident.paging.targets import find
from tocsin.core.incident.promises.steps import StepTime, step_times
from tocsin.core.incident.state.incident import Incident
from tocsin.core.incident.status import Status
from tocsin.core.model import LevelId
from tocsin.core.policy import Clock, Milestone, Policy

_ORDER = list(Milestone)
_PAGES_AT_A_TIME = (Clock.LADDER, Clock.ANSWER)
"""Clocks that promise a page at a time; the others wait for what people do or leave undone."""


def take_carried(draft: Draft, carried: CarriedStep) -> None:
    """A page that was promised for now: whoever was not asked since the ladder began anew is."""
    found = find(draft, carried.targets)
    asked = {one.person for one in draft.state.pages if one.id > draft.state.round_pages}
    paged = [(person, why) for person, why in found.paged if person.id not in asked]
    people = tuple(person.id for person, _ in paged)
    draft.add(events.CarriedStepTaken(carried.level, carried.step, people, found.unreachable, found.answered))
    for person, why in paged:
        page(draft, person, f"{why}, step {carried.step + 1} as {carried.level} promised", carried.until)
    rungs = draft.level.ladder[carried.step : carried.step + 1] if carried.level == draft.level.id else ()
    if rungs and rungs[0].targets == carried.targets:
        # The level is the same, so that whatever else the rung brings is wanted too.
        besides(draft, carried.step, rungs[0], people)


def carried_by_raise(
    state: Incident, policy: Policy, level: LevelId, since: datetime, now: datetime
) -> tuple[CarriedStep, ...]:
    """Pages that the old level had promised for earlier than the new one brings them, begun at `since`."""
    return tuple(_late(state, policy, level, since, now))


def carried_by_lapse(state: Incident, policy: Policy) -> tuple[CarriedStep, ...]:
    """Rungs that no round at this level has come to: forgetting an incident never puts them off."""
    named = {(one.level, one.step) for one in state.carried}
    return tuple(
        CarriedStep(state.level, one.index, one.due_at, one.step.targets, one.step.until)
        for one in _promised(state, policy)
        if one.index >= state.rungs_reached and (state.level, one.index) not in named
    )


def _late(
    state: Incident, policy: Policy, level: LevelId, since: datetime, now: datetime
) -> Iterator[CarriedStep]:
    new = [
        (target, max(one.due_at, now), _ORDER.index(one.step.until))
        for one in if_it_began(state, policy, level, since)
        for target in one.step.targets
    ]
    for one in _promised(state, policy):
        late = [
            target
            for target in one.step.targets
            # A page that an earlier state makes moot is no page in its place.
            if not any(
                target == paged and at <= one.due_at and until >= _ORDER.index(one.step.until)
                for paged, at, until in new
            )
        ]
        if late:
            yield CarriedStep(state.level, one.index, one.due_at, tuple(late), one.step.until)


def _promised(state: Incident, policy: Policy) -> list[StepTime]:
    """Rungs with a time that are still to come; after the last of them, those of the next round."""
    left = [one for one in step_times(state, policy) if one.step.clock in _PAGES_AT_A_TIME]
    level = policy.level(state.level)
    if left or level.repeat_every is None or state.status is not Status.TRIGGERED:
        return left
    if state.last_step_at is None:
        return left
    again_at = max(state.last_step_at, state.ladder_at) + level.repeat_every
    return if_it_began(state, policy, state.level, again_at)


def if_it_began(state: Incident, policy: Policy, level: LevelId, at: datetime) -> list[StepTime]:
    """When the rungs of a level's ladder fall due if it begins at `at`, as far as they have a time."""
    begun = replace(state, level=level, ladder_at=at, steps_taken=0, taken_ahead=())
    return [one for one in step_times(begun, policy) if one.step.clock in _PAGES_AT_A_TIME]
