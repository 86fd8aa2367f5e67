"""One incident as its stored events tell it: read one by one, folded and added up apart from the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tocsin.core.incident import Incident, events
from tocsin.core.incident.events import Recorded
from tocsin.core.incident.state.fold import fold
from tocsin.core.incident.status import Status
from tocsin.core.model import ActorKind, Outcome, PersonId
from tocsin.core.policy import Clock, Milestone, Policy, Step

_RANK = {one: rank for rank, one in enumerate(Milestone)}


@dataclass(slots=True)
class OpenPage:
    """A page that is neither answered nor withdrawn, in the words of the events about it."""

    person: PersonId
    until: Milestone
    started_at: datetime
    rings: tuple[events.Ring, ...]
    sent: set[int] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    reached: bool = False

    @property
    def tried(self) -> set[str]:
        """Channels that a ring went by."""
        return {self.rings[number].channel for number in self.sent}

    @property
    def turned_away(self) -> bool:
        """Nothing has got through, and every channel has refused, for now or for good."""
        return not self.reached and all(ring.channel in self.refused for ring in self.rings)


@dataclass(slots=True)
class Stream:
    """What the events so far add up to. `state` is folded by the rule that was loaded with this module."""

    id: str
    policy: Policy
    state: Incident | None = None
    version: int = 0
    pages: dict[int, OpenPage] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    rings: set[str] = field(default_factory=set)
    refused_rings: set[str] = field(default_factory=set)
    blocked_at: datetime | None = None
    escalated_at: datetime | None = None
    nobody_told: int = 0
    restarted_at: datetime | None = None
    changed_at: datetime | None = None
    lowered_at: datetime | None = None
    level_at: datetime | None = None
    round_at: datetime | None = None
    repinned_at: datetime | None = None
    refused_in_round: bool = False
    last_page: int = 0
    joined: int = 0

    @property
    def judged_by_hand(self) -> bool:
        """Whether a person lowered its level, or let it go by another plan than its alerts were judged by."""
        merged = self.state is not None and bool(self.state.absorbed)
        return self.lowered_at is not None or self.repinned_at is not None or merged

    @property
    def incident(self) -> Incident:
        """The folded state of a stream that has begun."""
        assert self.state is not None
        return self.state

    def take(self, one: Recorded) -> None:
        """One more event."""
        event = one.event
        before = self.state.status if self.state else None
        match event:
            case events.PageStarted():
                self.pages[event.page] = OpenPage(event.person, event.until, one.at, event.rings)
                self.last_page = self.version
            case events.PageAnswered() | events.PageWithdrawn():
                self.pages.pop(event.page, None)
                if isinstance(event, events.PageAnswered):
                    self.answered.add(event.person)
            case events.RingSent() | events.RingSkipped() | events.RingSettled():
                self._ring(event, one.at)
            case events.StepTaken() | events.CarriedStepTaken() if not event.paged:
                self.blocked_at = one.at
            case events.Escalated():
                self.escalated_at = one.at
            case events.Told():
                self.rings.add(event.key)
            case events.RoundStarted():
                self.refused_in_round = False
                self.round_at = one.at
            case events.Repinned():
                self.repinned_at = self.restarted_at = one.at
            case events.LevelLowered():
                self.restarted_at = self.lowered_at = self.level_at = one.at
            case events.NobodyReached():
                self.nobody_told = self.version
            case events.LevelRaised() | events.AcknowledgementLapsed() | events.Reopened():
                self.restarted_at = self.level_at = one.at
                self.answered.clear()
            case events.Acknowledged():
                if event.by.kind is ActorKind.PERSON:
                    self.answered.add(event.by.id)
            case events.AlertsJoined():
                self.joined += event.count
            case events.Absorbed():
                self.joined += event.alerts_count
            case _:
                pass
        self.state = fold(self.state, one)
        if self.state.status is not before:
            self.changed_at = one.at
        self.version += 1

    def _ring(self, event: events.RingSent | events.RingSkipped | events.RingSettled, at: datetime) -> None:
        page = self.pages.get(event.page)
        if isinstance(event, events.RingSettled):
            if event.outcome in (Outcome.RETRYING, Outcome.FAILED):
                self.refused_rings.add(f"{self.id}/{event.page}/{event.ring}")
                self.blocked_at = at
            if page is not None:
                before = page.turned_away
                page.reached |= event.outcome is Outcome.ACCEPTED
                page.refused |= (
                    {event.channel} if event.outcome in (Outcome.RETRYING, Outcome.FAILED) else set()
                )
                # A page moves the ladder on once, when its last channel refuses.
                self.refused_in_round |= page.turned_away and not before
            return
        if isinstance(event, events.RingSent):
            self.rings.add(event.key)
        if page is not None:
            page.sent.add(event.ring)


def reached(state: Incident, until: Milestone) -> bool:
    """Whether the incident has come to where a step or page wanted it, said once more in other words."""
    if state.status in (Status.TRIGGERED, *(one for one in Status if one.over)):
        return state.status is not Status.TRIGGERED
    return any(one in state.milestones for one in Milestone if _RANK[one] >= _RANK[until])


def steps_left(state: Incident, ladder: Sequence[Step]) -> list[int]:
    """The rungs still to be taken as things stand."""
    return [
        index
        for index, step in enumerate(ladder)
        if index >= state.steps_taken
        and index not in state.taken_ahead
        and step.clock is not Clock.HAND
        and not reached(state, step.until)
    ]


def leads_on(state: Incident, policy: Policy) -> datetime | None:
    """When the ladder moves by itself: its next rung, or a new round after the last."""
    level = policy.level(state.level)
    left = steps_left(state, level.ladder)
    if left:
        return step_due(state, policy, left[0])
    if level.repeat_every is not None and state.last_step_at is not None:
        return max(state.last_step_at, state.ladder_at) + level.repeat_every
    return None


def step_due(state: Incident, policy: Policy, index: int) -> datetime:
    """When a rung is due by its own clock if it is the next; by hand: never before it is asked for."""
    step = policy.level(state.level).ladder[index]
    before = state.last_step_at if state.steps_taken and state.last_step_at else state.ladder_at
    if step.clock is Clock.LADDER:
        return state.ladder_at + step.after
    if step.clock is Clock.HAND:
        return datetime.max.replace(tzinfo=UTC)
    if step.clock is Clock.PROGRESS:
        moves = [at for kind, at in state.advances.items() if kind in policy.progress.counts]
        escalated = state.escalated_at or state.level_at
        due = max(escalated, *moves, escalated) + step.after
        return max(due, state.extended_until or due)
    return before + step.after
