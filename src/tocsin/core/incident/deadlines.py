"""Every promise of an incident as one derived list: the countdowns, the ladder and the reminders alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin.core.incident.state import Incident, Page
from tocsin.core.incident.status import Status
from tocsin.core.model import Deadline, DeadlineState
from tocsin.core.policy import Level, Milestone, Policy, Step, Target


def deadlines(state: Incident, policy: Policy) -> tuple[Deadline, ...]:
    """What is promised, due or settled, the earliest first. Ids are stable while the promise stands."""
    level = policy.level(state.level)
    found = [*_acknowledge(state, level)]
    if not state.status.over:
        found += [*_lapse(state, level), *_repeat(state, level), *_rings(state), *_steps(state, level)]
    # The sort is stable: of steps that fall due together the earlier rung stays first, also past the tenth.
    return tuple(sorted(found, key=lambda deadline: deadline.due_at))


def next_due(state: Incident, policy: Policy) -> datetime | None:
    """When the clock must look at this incident again; None when nothing is promised any more."""
    due = [one.due_at for one in deadlines(state, policy) if one.state is DeadlineState.DUE]
    return min(due, default=None)


def moot(state: Incident, until: Milestone) -> bool:
    """Whether the state that `until` names has been reached."""
    if state.status.over:
        return True
    if until is Milestone.ACKNOWLEDGED:
        # Not the milestone: an acknowledgement lapses, and does not outlast a change for the worse.
        return state.status is not Status.TRIGGERED
    return state.reached_at(until) is not None


def describe(targets: tuple[Target, ...]) -> str:
    """Targets in the plan's words."""
    return " and ".join(map(_in_words, targets))


def _in_words(target: Target) -> str:
    if target.rota is not None:
        return f"on call: {target.rota}"
    if target.role is not None:
        return f"role: {target.role}"
    if target.team is not None:
        return f"{'next of ' if target.next_of else ''}team: {target.team}"
    return str(target.person)


def _acknowledge(state: Incident, level: Level) -> Iterator[Deadline]:
    if level.acknowledge_within is None:
        return
    due_at = state.level_at + level.acknowledge_within
    id = f"acknowledge:{level.id}"
    if id in state.broken:
        standing = DeadlineState.BROKEN
    elif state.first_acknowledged_at is not None:
        standing = DeadlineState.KEPT
    elif state.status.over:
        return
    else:
        standing = DeadlineState.DUE
    yield Deadline(id, "acknowledged by a person", due_at, standing)


def _rings(state: Incident) -> Iterator[Deadline]:
    for page in state.pages:
        for number in page.waiting:
            promise = f"tell {page.person} by {page.rings[number].channel}"
            yield Deadline(f"ring:{page.id}:{number}", promise, ring_due_at(page, number))


def ring_due_at(page: Page, number: int) -> datetime:
    """When a ring of a page is to be sent."""
    return page.started_at + timedelta(seconds=page.rings[number].after_seconds)


def _steps(state: Incident, level: Level) -> Iterator[Deadline]:
    for index, step in enumerate(level.ladder):
        if index >= state.steps_taken and not moot(state, step.until):
            yield step_deadline(state, index, step)


def step_deadline(state: Incident, index: int, step: Step) -> Deadline:
    """The deadline of one rung, on the ladder's own clock."""
    promise = f"page {describe(step.targets)} unless {step.until}"
    return Deadline(f"step:{state.round}:{index}", promise, state.ladder_at + step.after)


def _repeat(state: Incident, level: Level) -> Iterator[Deadline]:
    if level.repeat_every is None or state.status is not Status.TRIGGERED or state.last_step_at is None:
        return
    if not level.ladder or state.steps_taken < len(level.ladder):
        return
    due_at = state.last_step_at + level.repeat_every
    yield Deadline(f"repeat:{state.round}", "page again from the first step unless acknowledged", due_at)


def _lapse(state: Incident, level: Level) -> Iterator[Deadline]:
    if level.acknowledgement_lasts is None or state.acknowledged_at is None:
        return
    if state.status is not Status.ACKNOWLEDGED:
        return
    due_at = state.acknowledged_at + level.acknowledgement_lasts
    yield Deadline("lapse", "page again unless resolved", due_at)
