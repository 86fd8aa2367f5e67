"""What deciding needs to know of an incident, and `fold`, which builds it from events alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from tocsin.core.incident import commands, events
from tocsin.core.model import Actor, ActorKind, LevelId, Outcome, PersonId, ServiceId, SubjectId
from tocsin.core.policy import Milestone


class Status(StrEnum):
    """Where an incident stands."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


TRANSITIONS: Mapping[Status, Mapping[type[commands.IncidentCommand], str]] = {
    Status.TRIGGERED: {commands.Acknowledge: "Acknowledge", commands.Resolve: "Resolve"},
    Status.ACKNOWLEDGED: {commands.Acknowledge: "Acknowledge", commands.Resolve: "Resolve"},
    Status.RESOLVED: {},
}
"""What a person may ask for in which state, with the word on the button."""


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
class Incident:
    """The folded state. `pages` holds only those still open; `round_pages` counts all of earlier rounds.

    `answered` are the people who have taken it since it last counted as unanswered.
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
    resolved_at: datetime | None = None
    broken: tuple[str, ...] = ()

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
            return replace(state, alerts_open=state.alerts_open - event.count)
        case events.LevelRaised():
            return _unanswered(replace(state, level=event.level, level_at=at, first_acknowledged_at=None))
        case events.AcknowledgementLapsed():
            return _unanswered(state)
        case events.RoundStarted():
            return replace(
                state, round=event.round, ladder_at=at, steps_taken=0, round_pages=state.pages_count
            )
        case events.StepTaken():
            return replace(state, steps_taken=event.step + 1, last_step_at=at)
        case events.Acknowledged():
            return replace(
                _answered(state, event.by),
                status=Status.ACKNOWLEDGED,
                acknowledged_by=event.by,
                acknowledged_at=at,
                first_acknowledged_at=state.first_acknowledged_at or at,
            )
        case events.PromiseBroken():
            return replace(state, broken=(*state.broken, event.deadline))
        case events.NobodyReached():
            return state
        case events.Resolved():
            return replace(state, status=Status.RESOLVED, resolved_at=at)
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
    )


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
        return replace(state, pages=(*state.pages, page), pages_count=event.page)
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
