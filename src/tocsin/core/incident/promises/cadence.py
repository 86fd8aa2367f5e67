"""When each audience is to hear how things stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin.core.incident.events import Verdict
from tocsin.core.incident.state.incident import Incident, Updates
from tocsin.core.incident.status import Status
from tocsin.core.model import Deadline
from tocsin.core.policy import Advance, Cadence, Level, Moment, Policy

DAY = timedelta(days=1)


def updates_due(state: Incident, policy: Policy) -> Iterator[Deadline]:
    """The next update of each audience."""
    level = policy.level(state.level)
    for one in level.updates:
        due_at = _due_at(state, policy, level, one)
        if due_at is not None:
            yield Deadline(update_id(state, one.audience), f"an update for {one.audience}", due_at)


def update_id(state: Incident, audience: str) -> str:
    """The name of an audience's next update."""
    heard = state.updates.get(audience)
    return f"update:{heard.count + 1 if heard else 1}:{audience}"


def interval(state: Incident, policy: Policy, one: Cadence) -> timedelta | None:
    """How often, as the stages that were reached scale it; None: only once."""
    if one.at is Moment.DAILY:
        return DAY
    if one.at is not None or one.every is None:
        return None
    stages = [policy.stages[stage].updates_every for stage in state.stages if stage in policy.stages]
    return one.every * min([100, *stages]) / 100


def _due_at(state: Incident, policy: Policy, level: Level, one: Cadence) -> datetime | None:
    heard = state.updates.get(one.audience)
    within = one.first_within or level.respond_within or timedelta(0)
    if one.at is Moment.RESOLVED:
        return _once_since(state.resolved_at if _really_over(state) else None, heard, within)
    if state.status.over:
        return None
    if one.at is Moment.CHANGE:
        return _once_since(max(state.level_at, *state.milestones.values()), heard, within)
    if heard is None:
        if one.first_within is not None:
            return state.level_at + one.first_within
        return _an_interval_after(state.level_at, state, policy, one)
    # A level that wants it more often counts from when it became that level.
    changed_at = state.advances.get(Advance.LEVEL, heard.at)
    return _an_interval_after(max(heard.at, changed_at), state, policy, one)


def _an_interval_after(since: datetime, state: Incident, policy: Policy, one: Cadence) -> datetime | None:
    """When the next is due; a stage that comes meanwhile brings it closer, counted from then on."""
    if one.at is Moment.DAILY:
        return since + DAY
    if one.every is None:
        return None
    scaled = [
        max(since, at) + one.every * policy.stages[stage].updates_every / 100
        for stage, at in state.stages.items()
        if stage in policy.stages
    ]
    return min([since + one.every, *scaled])


def _once_since(at: datetime | None, heard: Updates | None, within: timedelta) -> datetime | None:
    if at is None or (heard is not None and heard.at >= at):
        return None
    return at + within


def _really_over(state: Incident) -> bool:
    return state.status in (Status.RESOLVED, Status.CLOSED) and state.verdict is not Verdict.FALSE_POSITIVE
