"""The state that events add up to. Events alone: no plan, no clock, nothing that may have changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import assert_never

from tocsin.core.evolve import evolve
from tocsin.core.incident import events
from tocsin.core.incident.state.facts import said_after, thresholds_after
from tocsin.core.incident.state.fold_page import answered, fold_page
from tocsin.core.incident.state.incident import Estimate, HandOver, Incident, Reference, Task, Updates
from tocsin.core.incident.status import Status
from tocsin.core.model import Actor, ActorKind, Deadline, DeadlineState, LevelId, PersonId, RoleId
from tocsin.core.policy import Advance, Milestone

FOLD = 5
"""Which fold this is. Raised when the same events come to add up to something else, or state to have other
fields: snapshots that an earlier one made are then folded anew. Recorded streams in the tests see to it.
"""

_ORDER = list(Milestone)
_VOUCHING = (
    events.Opened,
    events.LevelRaised,
    events.FactsSet,
    events.Verified,
    events.MitigationBegun,
    events.Mitigated,
)
"""By these a person says that there is an incident, whatever its alerts say."""


def fold_all(recorded: Iterable[events.Recorded]) -> Incident | None:
    """The state that a whole stream of events gives; None for an empty one."""
    state: Incident | None = None
    for one in recorded:
        state = fold(state, one)
    return state


def fold(state: Incident | None, recorded: events.Recorded) -> Incident:
    """The state after one more event. The first event of a stream is `Opened`, and only the first."""
    after = _fold(state, recorded)
    by_person = recorded.actor.kind is ActorKind.PERSON
    return evolve(after, vouched=True) if by_person and isinstance(recorded.event, _VOUCHING) else after


def _fold(state: Incident | None, recorded: events.Recorded) -> Incident:
    event, at = recorded.event, recorded.at
    if isinstance(event, events.Opened):
        assert state is None, f"{event.incident} was opened twice"
        return _opened(event, at)
    assert state is not None, f"a stream begins with Opened, not {type(event).__name__}"
    if isinstance(event, events.PageEvent):
        return fold_page(state, event, at)
    if isinstance(event, events.AlertEvent):
        return _alerts(state, event)
    if isinstance(event, events.CourseEvent):
        return _course(state, event, at)
    if isinstance(event, events.LadderEvent):
        return _ladder(state, event, at)
    if isinstance(event, events.RoleEvent):
        return _roles(state, event)
    if isinstance(event, events.FactsSet):
        return evolve(state, facts=said_after(state.facts, event, at, recorded.actor))
    if isinstance(event, events.ThresholdEvent):
        return evolve(state, thresholds=thresholds_after(state.thresholds, event, at))
    return _record(state, event, at, recorded.actor)


def _opened(event: events.Opened, at: datetime) -> Incident:
    return Incident(
        id=event.incident,
        service=event.service,
        title=event.title,
        level=event.level,
        status=Status.TRIGGERED,
        policy_version=event.policy_version,
        opened_at=at,
        level_at=at,
        ladder_at=at,
        milestones={Milestone.OPENED: at},
        levels=(event.level,),
        begun={event.level: 1},
    )


def _alerts(state: Incident, event: events.AlertEvent) -> Incident:
    is_open, count = state.alerts_open, state.alerts_count
    match event:
        case events.AlertsJoined():
            return evolve(state, alerts_open=is_open + event.count, alerts_count=count + event.count)
        case events.AlertsCleared():
            # A source may call over what the end of an earlier life has closed already.
            return evolve(state, alerts_open=max(0, is_open - event.count))
        case events.Absorbed():
            more = (is_open + event.alerts_open, count + event.alerts_count)
            absorbed = (*state.absorbed, event.incident)
            vouched = state.vouched or event.vouched
            return evolve(
                state, alerts_open=more[0], alerts_count=more[1], absorbed=absorbed, vouched=vouched
            )
        case _:
            assert_never(event)


def _course(state: Incident, event: events.CourseEvent, at: datetime) -> Incident:
    match event:
        case events.Acknowledged() if state.status is Status.ACKNOWLEDGED:
            # Renewed by whoever has it: that is no progress.
            return evolve(_stood_still(state, at), acknowledged_at=at)
        case events.Acknowledged():
            return evolve(
                _milestone(answered(state, event.by), Milestone.ACKNOWLEDGED, at),
                status=Status.ACKNOWLEDGED,
                acknowledged_by=event.by,
                acknowledged_at=at,
                first_acknowledged_at=state.first_acknowledged_at or at,
            )
        case events.AcknowledgementLapsed():
            left = _stood_still(state, at).carried
            return _unanswered(evolve(state, carried=(*left, *event.carried)))
        case events.Verified():
            return _milestone(state, Milestone.VERIFIED, at)
        case events.MitigationBegun():
            return _milestone(state, Milestone.MITIGATING, at)
        case events.Mitigated():
            return evolve(_milestone(state, Milestone.MITIGATED, at), status=Status.MITIGATED)
        case events.Resolved():
            return evolve(_milestone(state, Milestone.RESOLVED, at), status=Status.RESOLVED)
        case events.Closed():
            closed = evolve(state, status=Status.CLOSED, verdict=event.verdict)
            return _milestone(closed, Milestone.CLOSED, at)
        case events.Reopened():
            # What ends an incident closes its alerts too.
            is_open = 0 if state.status.over else state.alerts_open
            again = evolve(
                state,
                verdict=None,
                reopened=state.reopened + 1,
                alerts_open=is_open,
                level_at=at,
                begun={**state.begun, state.level: state.begun[state.level] + 1},
                first_acknowledged_at=None,
                escalated_at=at,
                rungs_reached=0,
                carried=(),
            )
            return _unanswered(_no_more(again, *_ORDER[_ORDER.index(Milestone.MITIGATING) :]))
        case events.MergedInto():
            return evolve(state, status=Status.MERGED, merged_into=event.into, merged_at=at, alerts_open=0)
        case _:
            assert_never(event)


def _ladder(state: Incident, event: events.LadderEvent, at: datetime) -> Incident:
    match event:
        case events.RoundStarted():
            state = evolve(state, round=event.round, ladder_at=event.since or at, steps_taken=event.taken)
            last_step_at = at if event.taken else state.last_step_at
            # Being forgotten is no progress: what waits for some goes on waiting from where it was.
            escalated_at = at if event.taken else state.escalated_at
            return evolve(
                state,
                taken_ahead=(),
                taken_gone=(),
                last_step_at=last_step_at,
                escalated_at=escalated_at,
                round_pages=state.pages_count,
            )
        case events.StepTaken():
            stages = ({event.stage: at} if event.stage else {}) | {**state.stages}
            state = evolve(state, escalated_at=at if event.stalled else state.escalated_at)
            reached = max(state.rungs_reached, event.step + 1)
            return evolve(
                state,
                steps_taken=event.step + 1,
                rungs_reached=reached,
                last_step_at=at,
                stages=stages,
            )
        case events.CarriedStepTaken():
            taken = (event.incident, event.level, event.step)
            left = [one for one in state.carried if (one.incident, one.level, one.step) != taken]
            own = event.incident is None and event.level == state.level
            reached = event.step + 1 if own else 0
            return evolve(state, carried=tuple(left), rungs_reached=max(state.rungs_reached, reached))
        case events.StepsCarriedOver():
            return evolve(state, carried=(*state.carried, *event.carried))
        case events.StallWarned():
            return evolve(state, warned_of=event.due_at)
        case events.ProgressExtended():
            return evolve(state, extended_until=event.until)
        case events.TriggerFired():
            return evolve(state, triggers=(*state.triggers, event.trigger))
        case events.LevelRaised():
            return _raised(_advanced(state, Advance.LEVEL, at), event, at)
        case events.LevelLowered():
            state = _advanced(state, Advance.LEVEL, at)
            return evolve(
                state,
                level=event.level,
                level_at=event.since or at,
                begun=_begun(state, event),
                by_default={},
                escalated_at=at,
                rungs_reached=0,
                carried=event.carried,
            )
        case events.Repinned():
            state = evolve(state, policy_version=event.version, taken_gone=event.gone)
            return evolve(state, steps_taken=event.taken, taken_ahead=event.ahead, rungs_reached=event.taken)
        case events.Escalated():
            return evolve(state, escalated_at=at)
        case events.NobodyReached():
            return state
        case _:
            assert_never(event)


def _raised(state: Incident, event: events.LevelRaised, at: datetime) -> Incident:
    answered_at, since = state.first_acknowledged_at, event.since or at
    worse = evolve(
        state,
        level=event.level,
        levels=tuple(dict.fromkeys((*state.levels, event.level))),
        level_at=since,
        begun=_begun(state, event),
        by_default={},
        # Where its clocks run from the beginning, an answer in time was one for this level too.
        first_acknowledged_at=answered_at if event.since and answered_at and answered_at >= since else None,
        rungs_reached=0,
        escalated_at=None,
        carried=(*_stood_still(state, at).carried, *event.carried),
    )
    return _unanswered(_no_more(worse, Milestone.MITIGATED))


def _begun(state: Incident, event: events.LevelRaised | events.LevelLowered) -> Mapping[LevelId, int]:
    """Its clocks begin again, but for those that run from the beginning: they go on as they were."""
    before = state.begun.get(event.level, 0)
    goes_on = before and event.since == state.opened_at
    return state.begun if goes_on else {**state.begun, event.level: before + 1}


def _roles(state: Incident, event: events.RoleEvent) -> Incident:
    match event:
        case events.RoleAssigned():
            return _holds(state, event.role, event.person)
        case events.RoleHandedOver():
            return _holds(state, event.role, event.taker)
        case events.HeldByDefault():
            return evolve(state, by_default={**state.by_default, **dict(event.held)})
        case events.HandOverOffered():
            offered = HandOver(event.role, event.giver, event.taker)
            others = [one for one in state.hand_overs if one.role != event.role]
            return evolve(state, hand_overs=(*others, offered))
        case events.HandOverConfirmed():
            return evolve(
                state,
                hand_overs=tuple(
                    evolve(one, confirmed=(*one.confirmed, event.person)) if one.role == event.role else one
                    for one in state.hand_overs
                ),
            )
        case _:
            assert_never(event)


def _holds(state: Incident, role: RoleId, person: PersonId) -> Incident:
    left = tuple(one for one in state.hand_overs if one.role != role)
    return evolve(state, roles={**state.roles, role: person}, hand_overs=left)


def _record(state: Incident, event: events.RecordEvent, at: datetime, actor: Actor) -> Incident:
    match event:
        case events.NoteAdded():
            return _advanced(state, Advance.NOTE, at)
        case events.EstimateSet():
            estimate = Estimate(at, event.expected_at, actor, event.reason)
            return _advanced(evolve(state, estimates=(*state.estimates, estimate)), Advance.ESTIMATE, at)
        case events.Linked():
            return evolve(state, links=(*state.links, Reference(event.to, event.what)))
        case events.Restricted():
            return evolve(state, restricted_to=event.to)
        case events.TasksGiven():
            first = len(state.tasks) + 1
            due = dict(event.due_at)
            given = [
                Task(f"task:{n}", one, event.reason, due_at=due.get(one))
                for n, one in enumerate(event.tasks, first)
            ]
            return evolve(state, tasks=(*state.tasks, *given))
        case events.MarkedDone():
            tasks = tuple(evolve(one, done_at=at) if one.id == event.what else one for one in state.tasks)
            return _advanced(evolve(state, tasks=tasks, done=(*state.done, event.what)), Advance.TASK, at)
        case events.Told():
            return evolve(state, told_count=event.number)
        case events.PromiseWarned():
            return evolve(state, warned={**state.warned, event.deadline: at})
        case events.PromiseBroken():
            return _broken(state, Deadline(event.deadline, event.promise, event.due_at))
        case events.UpdatePosted():
            heard = state.updates.get(event.audience)
            now = Updates(heard.count + 1 if heard else 1, at, at)
            updated = evolve(state, updates={**state.updates, event.audience: now})
            updated = _due_no_more(updated, f"update:{now.count}:{event.audience}")
            return _advanced(updated, Advance.UPDATE, at) if actor.kind is ActorKind.PERSON else updated
        case events.UpdateMissed():
            heard = state.updates.get(event.audience)
            posted_at = heard.posted_at if heard else None
            now = Updates(heard.count + 1 if heard else 1, event.next_from, posted_at)
            missed = _broken(state, Deadline(event.deadline, event.promise, event.due_at))
            return evolve(missed, updates={**state.updates, event.audience: now})
        case events.WordsErased():
            return state
        case _:
            assert_never(event)


def _broken(state: Incident, deadline: Deadline) -> Incident:
    broken = (*state.broken, evolve(deadline, state=DeadlineState.BROKEN))
    return _due_no_more(evolve(state, broken=broken), deadline.id)


def _due_no_more(state: Incident, deadline: str) -> Incident:
    """What was said of a promise while it was due is said no more: an audience's updates go on for ever."""
    if deadline not in state.warned:
        return state
    return evolve(state, warned={id: at for id, at in state.warned.items() if id != deadline})


def _milestone(state: Incident, milestone: Milestone, at: datetime) -> Incident:
    state = _advanced(state, Advance.MILESTONE, at)
    if milestone in state.milestones:
        return state
    return evolve(state, milestones={**state.milestones, milestone: at})


def _no_more(state: Incident, *milestones: Milestone) -> Incident:
    left = {one: at for one, at in state.milestones.items() if one not in milestones}
    return evolve(state, milestones=left)


def _advanced(state: Incident, kind: Advance, at: datetime) -> Incident:
    """What may count as progress, by its kind: which of them do is the plan's to say."""
    return evolve(state, advances={**state.advances, kind: at})


def _stood_still(state: Incident, at: datetime) -> Incident:
    """Carried pages that somebody's having it has made moot have as much time left as they had then."""
    taken_at = state.acknowledged_at
    if state.status is Status.TRIGGERED or taken_at is None:
        return state
    reached = {one: state.reached_at(one.until) for one in state.carried}
    carried = [
        one if since is None else evolve(one, due_at=one.due_at + max(at - max(since, taken_at), timedelta()))
        for one, since in reached.items()
    ]
    return evolve(state, carried=tuple(carried))


def _unanswered(state: Incident) -> Incident:
    return evolve(state, status=Status.TRIGGERED, acknowledged_by=None, acknowledged_at=None, answered=())
