"""What deciding needs to know of an incident, and `fold`, which builds it from events alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.core.incident import events
from tocsin.core.incident.state.facts import Said, Threshold
from tocsin.core.incident.state.open_page import Page
from tocsin.core.incident.status import Status
from tocsin.core.model import (
    Actor,
    Deadline,
    FactId,
    LevelId,
    PersonId,
    RoleId,
    ServiceId,
    StageId,
    SubjectId,
)
from tocsin.core.policy import Advance, Milestone, Target

_ORDER = list(Milestone)


@dataclass(frozen=True)
class Estimate:
    """When somebody expected it to be resolved, and when they said so."""

    given_at: datetime
    expected_at: datetime
    by: Actor
    reason: str


@dataclass(frozen=True)
class Reference:
    """Something that the incident has to do with."""

    to: str
    what: str


@dataclass(frozen=True)
class Task:
    """Something to be done, asked for by the plan or a person. `id` is `task:1` and so on."""

    id: str
    words: str
    reason: str
    done_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True)
class HandOver:
    """A role on its way from one to the other; `confirmed` are those of the two who have agreed."""

    role: RoleId
    giver: PersonId
    taker: PersonId
    confirmed: tuple[PersonId, ...] = ()


@dataclass(frozen=True)
class Updates:
    """What one audience heard: how many updates were posted or missed, and when the last was, or was due."""

    count: int
    at: datetime
    posted_at: datetime | None = None


@dataclass(frozen=True)
class Incident:
    """The folded state. `pages` holds only those still open; `round_pages` counts all of earlier rounds.

    `answered` are the people who have taken it since it last counted as unanswered. `milestones` holds when
    each was reached first; use `reached_at`, which knows that a later one implies the earlier. `level_at`
    and `ladder_at` are what the clocks of the level and of its ladder run from. `escalated_at` is when the
    last rung was taken for want of progress or because somebody asked for it. `levels` are all that
    it came to, but for those that a person lowered it to; `begun` counts how often each one's clocks began.
    `taken_ahead` are rungs further on than `steps_taken` that another version of the plan had before, and
    `taken_gone` those that this version does not have: they are not taken again in this round.
    `by_default` holds to whom roles of this level that nobody was assigned fell when that was asked.
    `warned` holds when it was said last that a promise is due soon.
    `vouched`: a person declared it, raised it, said what is known of it, or verified it, so that it is not
    over only because its alerts are.
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
    taken_ahead: tuple[int, ...] = ()
    taken_gone: tuple[events.TakenStep, ...] = ()
    last_step_at: datetime | None = None
    rungs_reached: int = 0
    escalated_at: datetime | None = None
    alerts_open: int = 0
    alerts_count: int = 0
    vouched: bool = False
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
    stages: Mapping[StageId, datetime] = field(default_factory=dict)
    advances: Mapping[Advance, datetime] = field(default_factory=dict)
    warned_of: datetime | None = None
    warned: Mapping[str, datetime] = field(default_factory=dict)
    extended_until: datetime | None = None
    paged_at: Mapping[PersonId, datetime] = field(default_factory=dict)
    told_count: int = 0
    roles: Mapping[RoleId, PersonId] = field(default_factory=dict)
    by_default: Mapping[RoleId, PersonId] = field(default_factory=dict)
    hand_overs: tuple[HandOver, ...] = ()
    updates: Mapping[str, Updates] = field(default_factory=dict)
    carried: tuple[events.CarriedStep, ...] = ()
    triggers: tuple[str, ...] = ()
    merged_into: SubjectId | None = None
    merged_at: datetime | None = None
    absorbed: tuple[SubjectId, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    links: tuple[Reference, ...] = ()
    restricted_to: tuple[Target, ...] = ()
    levels: tuple[LevelId, ...] = ()
    begun: Mapping[LevelId, int] = field(default_factory=dict)
    facts: Mapping[FactId, Said] = field(default_factory=dict)
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)

    @property
    def resolved_at(self) -> datetime | None:
        """When it was over, if it is."""
        return self.reached_at(Milestone.RESOLVED)

    @property
    def over_at(self) -> datetime | None:
        """When nobody was paged for it any more: when it was resolved, or merged."""
        return self.merged_at or self.resolved_at

    def reached_at(self, milestone: Milestone) -> datetime | None:
        """When it first came to this milestone or to a later one, which implies it."""
        later = _ORDER[_ORDER.index(milestone) :]
        return min((at for one, at in self.milestones.items() if one in later), default=None)

    def page(self, page_id: int) -> Page | None:
        """The open page of that number, if it is still open."""
        return next((page for page in self.pages if page.id == page_id), None)
