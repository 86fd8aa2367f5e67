"""What people promise: the plan's promises, and what a rung of the ladder expects of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin.core.incident.events import Verdict
from tocsin.core.incident.promises.cadence import updates_due
from tocsin.core.incident.state.incident import Incident
from tocsin.core.incident.state.known import known
from tocsin.core.incident.status import Status
from tocsin.core.model import Deadline, DeadlineState, RoleId
from tocsin.core.policy import Clock, Level, Milestone, Policy, Promise


def promised(state: Incident, policy: Policy) -> Iterator[Deadline]:
    """What is promised and not broken yet: due or kept. What was broken stands in the state."""
    broken = {one.id for one in state.broken}
    level = policy.level(state.level)
    found = (
        *_acknowledge(state, level),
        *_expected(state, level),
        *_roles(state, policy, level),
        *_tasks(state),
        *_plan(state, policy),
        *updates_due(state, policy),
    )
    yield from (one for one in found if one.id not in broken)


def by_hand(state: Incident, policy: Policy) -> tuple[Deadline, ...]:
    """Promises that a person marks as done, whatever has become of them."""
    return tuple(
        _deadline(state, one, anchor) for one, anchor in _standing(state, policy) if one.kept_by is None
    )


def _acknowledge(state: Incident, level: Level) -> Iterator[Deadline]:
    if level.acknowledge_within is None:
        return
    kept = state.first_acknowledged_at is not None
    if kept or not state.status.over:
        due_at = state.level_at + level.acknowledge_within
        standing = DeadlineState.KEPT if kept else DeadlineState.DUE
        id = f"acknowledge:{level.id}{_anew(state)}"
        yield Deadline(id, "acknowledged by a person", due_at, standing)


def _expected(state: Incident, level: Level) -> Iterator[Deadline]:
    """What rungs with a clock of the incident expect people to have done when they are taken."""
    for index, step in enumerate(level.ladder):
        if not step.promise or step.clock is not Clock.LADDER:
            continue
        kept = _kept_by(state, step.until)
        if kept or not state.status.over:
            standing = DeadlineState.KEPT if kept else DeadlineState.DUE
            due_at = state.level_at + step.after
            yield Deadline(f"expect:{level.id}:{index}{_anew(state)}", step.promise, due_at, standing)


def _roles(state: Incident, policy: Policy, level: Level) -> Iterator[Deadline]:
    """Roles that somebody must have at this level, assigned or by default."""
    within = _roles_within(level)
    for role in policy.roles.values():
        kept = role.id in state.roles or role.id in state.by_default
        if level.id in role.at and within is not None and (kept or not state.status.over):
            standing = DeadlineState.KEPT if kept else DeadlineState.DUE
            id = f"role:{role.id}:{level.id}{_anew(state)}"
            yield Deadline(id, f"somebody is {role.id}", state.level_at + within, standing)


def vacant(state: Incident, policy: Policy) -> tuple[RoleId, ...]:
    """The roles that somebody must have by a time and nobody is known to have."""
    level = policy.level(state.level)
    if _roles_within(level) is None:
        return ()
    held = {*state.roles, *state.by_default}
    return tuple(one.id for one in policy.roles.values() if level.id in one.at and one.id not in held)


def _roles_within(level: Level) -> timedelta | None:
    return level.respond_within or level.acknowledge_within


def _tasks(state: Incident) -> Iterator[Deadline]:
    """Tasks that are to be done by a time, while the incident runs."""
    for one in state.tasks:
        kept = one.done_at is not None
        if one.due_at is not None and (kept or not state.status.over):
            standing = DeadlineState.KEPT if kept else DeadlineState.DUE
            yield Deadline(one.id, one.words, one.due_at, standing)


def _plan(state: Incident, policy: Policy) -> Iterator[Deadline]:
    for one, anchor in _standing(state, policy):
        yield _deadline(state, one, anchor)


def _standing(state: Incident, policy: Policy) -> Iterator[tuple[Promise, datetime]]:
    """The plan's promises that hold for this incident now, each with the time that it counts from."""
    if state.verdict is Verdict.FALSE_POSITIVE or state.status is Status.MERGED:
        return
    if not policy.promises and not policy.review_steps:
        return
    facts = known(state, policy)
    reviewed = any(one.holds(facts) for one in policy.review_due_when)
    review = policy.review_steps if state.status.over and reviewed else ()
    for one in (*policy.promises, *review):
        anchor = _anchor(state, one)
        if anchor is not None and (one.when is None or one.when.holds(facts)):
            yield one, anchor


def _anchor(state: Incident, promise: Promise) -> datetime | None:
    if promise.anchor is Milestone.OPENED and promise.by_level:
        # A time of the level's own runs with the level's clocks.
        return state.level_at
    return state.reached_at(promise.anchor)


def _deadline(state: Incident, promise: Promise, anchor: datetime) -> Deadline:
    within = promise.by_level.get(state.level, promise.within)
    id = promise_id(state, promise)
    kept = id in state.done if promise.kept_by is None else _kept_by(state, promise.kept_by)
    not_before = anchor + promise.not_before if promise.not_before > timedelta(0) else None
    standing = DeadlineState.KEPT if kept else DeadlineState.DUE
    return Deadline(id, promise.id, anchor + within, standing, not_before)


def promise_id(state: Incident, promise: Promise) -> str:
    """Stable while the promise stands: another level's time, or a new end after a reopening, is a new one."""
    level = f":{state.level}" if state.level in promise.by_level else ""
    if promise.anchor is Milestone.OPENED:
        return f"promise:{promise.id}{level}{_anew(state) if level else ''}"
    return f"promise:{promise.id}{level}{f':{state.reopened}' if state.reopened else ''}"


def _anew(state: Incident) -> str:
    """A level makes its promises anew whenever its clocks begin again."""
    before = state.begun[state.level] - 1
    return f":{before}" if before else ""


def _kept_by(state: Incident, milestone: Milestone) -> bool:
    if milestone is Milestone.ACKNOWLEDGED and not state.status.over:
        return state.first_acknowledged_at is not None
    return state.reached_at(milestone) is not None
