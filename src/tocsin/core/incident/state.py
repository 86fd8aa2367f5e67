"""What deciding needs to know of an incident, and `fold`, which builds it from events alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from tocsin.core.incident import events
from tocsin.core.incident.status import Status
from tocsin.core.model import (
    Actor,
    ActorKind,
    Deadline,
    DeadlineState,
    LevelId,
    Outcome,
    PersonId,
    RoleId,
    ServiceId,
    StageId,
    SubjectId,
)
from tocsin.core.policy import Advance, Milestone, Target

_ORDER = list(Milestone)


@dataclass(frozen=True, slots=True)
class Page:
    """One person asked to come, still unanswered.

    `waiting` holds the numbers of the rings still to be sent, `refused` the channels that refused for good.
    """

    id: int
    person: PersonId
    until: Milestone
    started_at: datetime
    rings: tuple[events.Ring, ...]
    waiting: tuple[int, ...]
    reached: bool = False
    refused: tuple[str, ...] = ()

    @property
    def undeliverable(self) -> bool:
        """No channel took any ring, and every channel has refused for good."""
        return not self.reached and all(ring.channel in self.refused for ring in self.rings)


@dataclass(frozen=True, slots=True)
class Estimate:
    """When somebody expected it to be resolved, and when they said so."""

    given_at: datetime
    expected_at: datetime
    by: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that the incident has to do with."""

    to: str
    what: str


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done, asked for by the plan or a person. `id` is `task:1` and so on."""

    id: str
    words: str
    reason: str
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """The folded state. `pages` holds only those still open; `round_pages` counts all of earlier rounds.

    `answered` are the people who have taken it since it last counted as unanswered. `milestones` holds when
    each was reached first; use `reached_at`, which knows that a later one implies the earlier.
    """

    id: SubjectId
    service: ServiceId
    title: str
    level: LevelId
    status: Status
    policy_version: str
    opened_at: datetime
    level_at: datetime
    ladder_at: datetime
    round: int = 0
    steps_taken: int = 0
    last_step_at: datetime | None = None
    alerts_open: int = 0
    alerts_count: int = 0
    pages: tuple[Page, ...] = ()
    pages_count: int = 0
    round_pages: int = 0
    answered: tuple[PersonId, ...] = ()
    acknowledged_by: Actor | None = None
    acknowledged_at: datetime | None = None
    first_acknowledged_at: datetime | None = None
    milestones: Mapping[Milestone, datetime] = field(default_factory=dict)
    verdict: events.Verdict | None = None
    reopened: int = 0
    broken: tuple[Deadline, ...] = ()
    done: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    stages: tuple[StageId, ...] = ()
    advances: Mapping[Advance, datetime] = field(default_factory=dict)
    warned_of: datetime | None = None
    extended_until: datetime | None = None
    paged_at: Mapping[PersonId, datetime] = field(default_factory=dict)
    told_count: int = 0
    roles: Mapping[RoleId, PersonId] = field(default_factory=dict)
    estimates: tuple[Estimate, ...] = ()
    links: tuple[Reference, ...] = ()
    restricted_to: tuple[Target, ...] = ()

    @property
    def resolved_at(self) -> datetime | None:
        """When it was over, if it is."""
        return self.reached_at(Milestone.RESOLVED)

    def reached_at(self, milestone: Milestone) -> datetime | None:
        """When it first came to this milestone or to a later one, which implies it."""
        later = _ORDER[_ORDER.index(milestone) :]
        return min((at for one, at in self.milestones.items() if one in later), default=None)

    def page(self, page_id: int) -> Page | None:
        """The open page of that number, if it is still open."""
        return next((page for page in self.pages if page.id == page_id), None)


def fold_all(recorded: Iterable[events.Recorded]) -> Incident | None:
    """The state that a whole stream of events gives; None for an empty one."""
    state: Incident | None = None
    for one in recorded:
        state = fold(state, one)
    return state


def fold(state: Incident | None, recorded: events.Recorded) -> Incident:
    """The state after one more event. The first event of a stream is `Opened`, and only the first."""
    event, at = recorded.event, recorded.at
    if isinstance(event, events.Opened):
        assert state is None, f"{event.incident} was opened twice"
        return _opened(event, at)
    assert state is not None, f"a stream begins with Opened, not {type(event).__name__}"
    match event:
        case events.AlertsJoined():
            return replace(
                state,
                alerts_open=state.alerts_open + event.count,
                alerts_count=state.alerts_count + event.count,
            )
        case events.AlertsCleared():
            # A source may call over what the end of an earlier life has closed already.
            return replace(state, alerts_open=max(0, state.alerts_open - event.count))
        case events.LevelRaised():
            worse = replace(
                _advanced(state, Advance.LEVEL, at),
                level=event.level,
                level_at=at,
                first_acknowledged_at=None,
            )
            return _unanswered(_no_more(worse, Milestone.MITIGATED))
        case events.AcknowledgementLapsed():
            return _unanswered(state)
        case events.RoundStarted():
            return replace(
                state, round=event.round, ladder_at=at, steps_taken=0, round_pages=state.pages_count
            )
        case (
            events.StepTaken()
            | events.Escalated()
            | events.StallWarned()
            | events.ProgressExtended()
            | events.TasksGiven()
            | events.MarkedDone()
            | events.Told()
        ):
            return _fold_ladder(state, event, at)
        case events.Acknowledged():
            return replace(
                _milestone(_answered(state, event.by), Milestone.ACKNOWLEDGED, at),
                status=Status.ACKNOWLEDGED,
                acknowledged_by=event.by,
                acknowledged_at=at,
                first_acknowledged_at=state.first_acknowledged_at or at,
            )
        case events.PromiseBroken():
            broken = Deadline(event.deadline, event.promise, event.due_at, DeadlineState.BROKEN)
            return replace(state, broken=(*state.broken, broken))
        case events.NobodyReached():
            return state
        case (
            events.Verified()
            | events.MitigationBegun()
            | events.Mitigated()
            | events.Resolved()
            | events.Closed()
            | events.Reopened()
        ):
            return _fold_course(state, event, at)
        case events.NoteAdded():
            return _advanced(state, Advance.NOTE, at)
        case events.EstimateSet():
            estimate = Estimate(at, event.expected_at, recorded.actor, event.reason)
            return _advanced(replace(state, estimates=(*state.estimates, estimate)), Advance.ESTIMATE, at)
        case events.Linked():
            return replace(state, links=(*state.links, Reference(event.to, event.what)))
        case events.Restricted():
            return replace(state, restricted_to=event.to)
        case (
            events.PageStarted()
            | events.RingSent()
            | events.RingSkipped()
            | events.RingSettled()
            | events.PageAnswered()
            | events.PageWithdrawn()
        ):
            return _fold_page(state, event, at)
        case _:
            assert_never(event)


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
    )


CourseEvent = (
    events.Verified
    | events.MitigationBegun
    | events.Mitigated
    | events.Resolved
    | events.Closed
    | events.Reopened
)


def _fold_course(state: Incident, event: CourseEvent, at: datetime) -> Incident:
    match event:
        case events.Verified():
            return _milestone(state, Milestone.VERIFIED, at)
        case events.MitigationBegun():
            return _milestone(state, Milestone.MITIGATING, at)
        case events.Mitigated():
            return replace(_milestone(state, Milestone.MITIGATED, at), status=Status.MITIGATED)
        case events.Resolved():
            return replace(_milestone(state, Milestone.RESOLVED, at), status=Status.RESOLVED)
        case events.Closed():
            closed = replace(state, status=Status.CLOSED, verdict=event.verdict)
            return _milestone(closed, Milestone.CLOSED, at)
        case events.Reopened():
            again = replace(state, verdict=None, reopened=state.reopened + 1, alerts_open=_left_open(state))
            return _unanswered(_no_more(again, *_ORDER[_ORDER.index(Milestone.MITIGATING) :]))
        case _:
            assert_never(event)


def _left_open(state: Incident) -> int:
    # What ends an incident closes its alerts too.
    return 0 if state.status.over else state.alerts_open


LadderEvent = (
    events.StepTaken
    | events.Escalated
    | events.StallWarned
    | events.ProgressExtended
    | events.TasksGiven
    | events.MarkedDone
    | events.Told
)


def _fold_ladder(state: Incident, event: LadderEvent, at: datetime) -> Incident:
    match event:
        case events.StepTaken():
            stages = state.stages
            if event.stage is not None and event.stage not in stages:
                stages = (*stages, event.stage)
            return replace(state, steps_taken=event.step + 1, last_step_at=at, stages=stages)
        case events.Escalated():
            return state
        case events.StallWarned():
            return replace(state, warned_of=event.due_at)
        case events.ProgressExtended():
            return replace(state, extended_until=event.until)
        case events.TasksGiven():
            first = len(state.tasks) + 1
            given = [Task(f"task:{n}", one, event.reason) for n, one in enumerate(event.tasks, first)]
            return replace(state, tasks=(*state.tasks, *given))
        case events.MarkedDone():
            tasks = tuple(replace(one, done_at=at) if one.id == event.what else one for one in state.tasks)
            return _advanced(replace(state, tasks=tasks, done=(*state.done, event.what)), Advance.TASK, at)
        case events.Told():
            return replace(state, told_count=event.number)
        case _:
            assert_never(event)


def _milestone(state: Incident, milestone: Milestone, at: datetime) -> Incident:
    state = _advanced(state, Advance.MILESTONE, at)
    if milestone in state.milestones:
        return state
    return replace(state, milestones={**state.milestones, milestone: at})


def _advanced(state: Incident, kind: Advance, at: datetime) -> Incident:
    """What may count as progress, by its kind: which of them do is the plan's to say."""
    return replace(state, advances={**state.advances, kind: at})


def _no_more(state: Incident, *milestones: Milestone) -> Incident:
    left = {one: at for one, at in state.milestones.items() if one not in milestones}
    return replace(state, milestones=left)


def _unanswered(state: Incident) -> Incident:
    return replace(state, status=Status.TRIGGERED, acknowledged_by=None, acknowledged_at=None, answered=())


def _answered(state: Incident, by: Actor) -> Incident:
    if by.kind is not ActorKind.PERSON or by.id in state.answered:
        return state
    return replace(state, answered=(*state.answered, PersonId(by.id)))


RingEvent = events.RingSent | events.RingSkipped | events.RingSettled
PageEvent = events.PageStarted | events.PageAnswered | events.PageWithdrawn | RingEvent


def _fold_page(state: Incident, event: PageEvent, at: datetime) -> Incident:
    if isinstance(event, events.PageStarted):
        waiting = tuple(range(len(event.rings)))
        page = Page(event.page, event.person, event.until, at, event.rings, waiting)
        paged_at = {**state.paged_at, event.person: at}
        return replace(state, pages=(*state.pages, page), pages_count=event.page, paged_at=paged_at)
    if isinstance(event, events.PageAnswered):
        state = _answered(state, Actor(ActorKind.PERSON, event.person))
    if isinstance(event, events.PageAnswered | events.PageWithdrawn):
        return replace(state, pages=tuple(page for page in state.pages if page.id != event.page))
    return replace(
        state,
        pages=tuple(_ring(page, event) if page.id == event.page else page for page in state.pages),
    )


def _ring(page: Page, event: RingEvent) -> Page:
    if isinstance(event, events.RingSent | events.RingSkipped):
        return replace(page, waiting=tuple(number for number in page.waiting if number != event.ring))
    if event.outcome is Outcome.FAILED:
        # What it refused for good it would refuse again: its later rings are off.
        left = tuple(number for number in page.waiting if page.rings[number].channel != event.channel)
        return replace(page, waiting=left, refused=(*page.refused, event.channel))
    return replace(page, reached=page.reached or event.outcome is Outcome.ACCEPTED)
