"""Every promise of an incident as one derived list: the countdowns, the ladder and the reminders alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin.core.aloud import Name, called
from tocsin.core.incident.events import CarriedStep
from tocsin.core.incident.promises.promised import promised
from tocsin.core.incident.promises.steps import moot, progress_at, step_times
from tocsin.core.incident.promises.warnings import warnings
from tocsin.core.incident.state.facts import waiting
from tocsin.core.incident.state.incident import Incident
from tocsin.core.incident.state.open_page import Page
from tocsin.core.incident.status import Status
from tocsin.core.model import Deadline, DeadlineState
from tocsin.core.policy import Clock, Level, Policy, Step

__all__ = ["carried_id", "deadlines", "moot", "next_due", "promiser", "ring_due_at"]


def deadlines(state: Incident, policy: Policy, name: Name = str) -> tuple[Deadline, ...]:
    """What is promised, due or settled, the earliest first. Ids are stable while the promise stands.

    `name` says what people are called where it is read aloud.
    """
    standing = tuple(promised(state, policy))
    found = [*warnings(state, policy, standing), *standing, *state.broken]
    if not state.status.over:
        level = policy.level(state.level)
        found += waiting(state.thresholds, policy)
        steps = [*_steps(state, policy, name)]
        repeat = [] if steps else _repeat(state, level)
        # What was promised for the instant of a lapse comes before it.
        found += [
            *_rings(state, name),
            *steps,
            *_carried(state, name),
            *_lapse(state, policy, level),
            *repeat,
        ]
    # The sort is stable: of steps that fall due together the earlier rung stays first, also past the tenth.
    return tuple(sorted(found, key=lambda deadline: deadline.due_at))


def next_due(state: Incident, policy: Policy) -> datetime | None:
    """When the clock must look at this incident again; None when nothing is promised any more."""
    due = [one.due_at for one in deadlines(state, policy) if one.state is DeadlineState.DUE]
    return min(due, default=None)


def _rings(state: Incident, name: Name) -> Iterator[Deadline]:
    for page in state.pages:
        for number in page.waiting:
            promise = f"tell {name(page.person)} by {page.rings[number].channel}"
            yield Deadline(f"ring:{page.id}:{number}", promise, ring_due_at(page, number))


def ring_due_at(page: Page, number: int) -> datetime:
    """When a ring of a page is to be sent."""
    return page.started_at + timedelta(seconds=page.rings[number].after_seconds)


def _steps(state: Incident, policy: Policy, name: Name) -> Iterator[Deadline]:
    warn_before = policy.progress.warn_before
    for number, one in enumerate(step_times(state, policy)):
        yield Deadline(f"step:{state.round}:{one.index}", _step_promise(one.step, name), one.due_at)
        stalls = number == 0 and one.step.clock is Clock.PROGRESS
        if stalls and timedelta(0) < warn_before < one.step.after and state.warned_of != one.due_at:
            promise = "warn that nothing moves"
            yield Deadline(f"warn:{state.round}:{one.index}", promise, one.due_at - warn_before)


def _step_promise(step: Step, name: Name) -> str:
    does = f"page {called(step.targets, name)}" if step.targets else f"tell {called(step.tell, name)}"
    return f"{does if step.targets or step.tell else 'go on'} unless {step.until}"


def _carried(state: Incident, name: Name) -> Iterator[Deadline]:
    for one in state.carried:
        if not moot(state, one.until):
            promise = f"page {called(one.targets, name)} unless {one.until}, as {promiser(one)} promised"
            yield Deadline(carried_id(one), promise, one.due_at)


def carried_id(one: CarriedStep) -> str:
    """The name of a page that a milder level or another incident had promised."""
    return f"carried:{one.incident or ''}:{one.level}:{one.step}"


def promiser(one: CarriedStep) -> str:
    """Who had promised it, for people: the level, or an incident that was merged into this one."""
    return f"{one.incident} ({one.level})" if one.incident else one.level


def _repeat(state: Incident, level: Level) -> Iterator[Deadline]:
    if (
        level.repeat_every is None
        or not level.ladder
        or state.status is not Status.TRIGGERED
        or state.last_step_at is None
    ):
        return
    due_at = max(state.last_step_at, state.ladder_at) + level.repeat_every
    yield Deadline(f"repeat:{state.round}", "page again from the first step unless acknowledged", due_at)


def _lapse(state: Incident, policy: Policy, level: Level) -> Iterator[Deadline]:
    if level.acknowledgement_lasts is None or state.acknowledged_at is None:
        return
    if state.status is not Status.ACKNOWLEDGED:
        return
    # Progress renews it, whoever makes it: what is worked on is not forgotten.
    since = max(state.acknowledged_at, progress_at(state, policy) or state.acknowledged_at)
    due_at = since + level.acknowledgement_lasts
    yield Deadline("lapse", "page again unless resolved", due_at)
