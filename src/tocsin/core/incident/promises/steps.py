"""When the rungs of a ladder fall due, each by its own clock, as far as nothing else happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.core.incident.state.incident import Incident
from tocsin.core.incident.status import Status
from tocsin.core.policy import Clock, Milestone, Policy, Step


@dataclass(frozen=True)
class StepTime:
    """A rung that is still to come, and when."""

    index: int
    step: Step
    due_at: datetime


def moot(state: Incident, until: Milestone) -> bool:
    """Whether the state that `until` names has been reached."""
    if state.status is Status.TRIGGERED:
        # Whatever it had come to: nobody has it now, so somebody must be asked.
        return False
    return state.status.over or state.reached_at(until) is not None


def taken(state: Incident, index: int) -> bool:
    """Whether that rung counts as taken in this round."""
    return index < state.steps_taken or index in state.taken_ahead


def step_times(state: Incident, policy: Policy, now: datetime | None = None) -> Iterator[StepTime]:
    """The rungs still to come, in order, none before the one ahead of it. What has no clock is left out.

    With `now`, what is past is taken then, and what waits for that counts from there.
    """
    before = state.last_step_at if state.steps_taken and state.last_step_at else state.ladder_at
    escalated = state.escalated_at or state.level_at
    ahead: datetime | None = None
    ladder = policy.level(state.level).ladder
    for index, step in enumerate(ladder):
        if taken(state, index) or step.clock is Clock.HAND or moot(state, step.until):
            continue
        if step.clock is Clock.PROGRESS and index < _escalated_to(state, ladder):
            continue
        due_at = _own_time(state, policy, step, before, escalated)
        due_at = max(due_at, ahead or due_at, now or due_at)
        yield StepTime(index, step, due_at)
        before = ahead = due_at
        escalated = due_at if step.clock is Clock.PROGRESS else escalated


def _escalated_to(state: Incident, ladder: Sequence[Step]) -> int:
    """Up to where escalation for want of progress has come: a lapse does not send it back to the beginning.

    When every rung has been reached, the ladder begins anew with all of them.
    """
    timed = (index for index, step in enumerate(ladder) if step.clock is not Clock.HAND)
    return state.rungs_reached if state.rungs_reached <= max(timed, default=-1) else 0


def stalled_step(state: Incident, policy: Policy) -> StepTime | None:
    """The next rung, when it is one that waits for progress."""
    first = next(step_times(state, policy), None)
    return first if first is not None and first.step.clock is Clock.PROGRESS else None


def progress_at(state: Incident, policy: Policy) -> datetime | None:
    """When something last happened that the plan counts as progress."""
    return max((at for kind, at in state.advances.items() if kind in policy.progress.counts), default=None)


def _own_time(state: Incident, policy: Policy, step: Step, before: datetime, escalated: datetime) -> datetime:
    match step.clock:
        case Clock.ANSWER:
            return before + step.after
        case Clock.PROGRESS:
            moved_at = progress_at(state, policy)
            # Paging one more who does not answer moves nothing: only progress or an escalation does.
            due_at = max(escalated, moved_at or escalated) + step.after
            return max(due_at, state.extended_until or due_at)
        case _:
            return state.ladder_at + step.after
