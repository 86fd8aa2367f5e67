"""The plan as frozen values, and the view: what decisions may know of the world outside the plan.

What each part means to whoever writes a plan is said in docs/plan/. Here stands only what is executed or
decided by; what people merely read (agendas, duties, tools) is the plan room's handbook.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from tocsin.core.facts import Condition, Fact
from tocsin.core.model import (
    FactId,
    LevelId,
    PersonId,
    RoleId,
    RotaId,
    ServiceId,
    StageId,
    TeamId,
)
from tocsin.core.oncall.rota import Override, Rota
from tocsin.core.values import in_words


class Milestone(StrEnum):
    """What an incident can have come to, in the usual order. A later one implies the earlier."""

    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    VERIFIED = "verified"
    MITIGATING = "mitigating"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"


@dataclass(frozen=True)
class Target:
    """Whom a plan means: exactly one of a person, who is on call in a rota, who holds a role, or a team.

    `next_of` takes one of a team instead of all: whoever was paged longest ago.
    """

    person: PersonId | None = None
    rota: RotaId | None = None
    role: RoleId | None = None
    team: TeamId | None = None
    next_of: bool = False


class Clock(StrEnum):
    """What the time of a step is measured from, as the plan spells it."""

    LADDER = "after"
    """The incident's own clock (see Reclassify), or the start of a later round."""
    ANSWER = "unanswered"
    """The step before: nobody has acknowledged since."""
    PROGRESS = "stalled"
    """The last progress, or the step before if that is later."""
    HAND = "by_hand"
    """No clock: a person or a trigger asks for it."""


@dataclass(frozen=True)
class Task:
    """Something that the plan gives people to do, perhaps `within` a time of being given."""

    words: str
    within: timedelta | None = None


@dataclass(frozen=True)
class Step:
    """One rung of a ladder, taken `after` its clock says so unless the incident has come to `until`.

    `targets` are paged, and must answer; `tell` are told, and need not. `promise` is what the rung expects
    people to have done by then, in words. `tasks` are given to whoever leads. `stage` adds what is said
    once for several ladders.
    """

    after: timedelta
    targets: tuple[Target, ...]
    until: Milestone
    clock: Clock = Clock.LADDER
    tell: tuple[Target, ...] = ()
    promise: str = ""
    tasks: tuple[Task, ...] = ()
    stage: StageId | None = None


@dataclass(frozen=True)
class Stage:
    """What an escalation brings besides its page. `updates_every` scales cadences, in percent."""

    id: StageId
    tell: tuple[Target, ...] = ()
    tasks: tuple[Task, ...] = ()
    updates_every: int = 100


class Moment(StrEnum):
    """When an update is due that has no interval."""

    RESOLVED = "resolved"
    DAILY = "daily"
    CHANGE = "change"


@dataclass(frozen=True)
class Cadence:
    """Updates that an audience is promised: the first within, then every, or at a moment instead.

    Whoever leads is warned so long before each is due.
    """

    audience: str
    by: tuple[str, ...]
    to: tuple[Target, ...] = ()
    first_within: timedelta | None = None
    every: timedelta | None = None
    at: Moment | None = None
    warn: tuple[timedelta, ...] = ()


@dataclass(frozen=True)
class Level:
    """A severity level. `rank` 0 is the worst. An empty ladder pages nobody.

    `repeat_every` starts the ladder again after its last step while nobody has acknowledged.
    `acknowledgement_lasts` re-pages when an acknowledged incident is forgotten. What `respond_within`
    promises stands in Policy.promises, beside the windows of phases.
    """

    id: LevelId
    name: str
    rank: int
    urgent: bool
    acknowledge_within: timedelta | None
    ladder: tuple[Step, ...]
    repeat_every: timedelta | None
    acknowledgement_lasts: timedelta | None
    means: str = ""
    respond_within: timedelta | None = None
    updates: tuple[Cadence, ...] = ()

    @property
    def pages(self) -> bool:
        """Whether somebody is paged without being asked for."""
        return any(step.targets and step.clock is not Clock.HAND for step in self.ladder)


@dataclass(frozen=True)
class Classification:
    """A row of the plan's table: `level`, where fields equal `when` and `condition` has held for `lasts`."""

    when: Mapping[str, str]
    level: LevelId
    condition: Condition | None = None
    lasts: timedelta = timedelta(0)
    because: str = ""

    @property
    def threshold(self) -> str:
        """What must hold for a time, in words; empty where nothing must."""
        if self.condition is None or not self.lasts:
            return ""
        return f"{self.condition.text} for {in_words(self.lasts)}"


@dataclass(frozen=True)
class Matrix:
    """The level by two facts that are choices: `cells[down value, across value]`."""

    across: FactId
    down: FactId
    cells: Mapping[tuple[str, str], LevelId]


class Rebase(StrEnum):
    """From when the clocks of a new level run."""

    OPENED = "opened"
    """As if it had had this level from the beginning: steps that would be past are taken at once."""
    CHANGE = "change"
    """From the change."""


@dataclass(frozen=True)
class Reclassify:
    """What a change of level does. `lower` may lower it; nobody named means anybody."""

    clocks: Rebase = Rebase.CHANGE
    lower: tuple[Target, ...] = ()


class Advance(StrEnum):
    """What can count as progress."""

    UPDATE = "update"
    LEVEL = "level"
    MILESTONE = "milestone"
    TASK = "task"
    NOTE = "note"
    ESTIMATE = "estimate"


@dataclass(frozen=True)
class Progress:
    """What counts as progress, how long before a stall the lead is warned, and what one extension gives."""

    counts: frozenset[Advance] = frozenset(Advance)
    warn_before: timedelta = timedelta(0)
    extend_by: timedelta = timedelta(0)


@dataclass(frozen=True)
class Trigger:
    """An escalation by impact: once, when the condition comes to hold."""

    id: str
    when: Condition
    page: tuple[Target, ...] = ()
    tell: tuple[Target, ...] = ()
    tasks: tuple[Task, ...] = ()
    restrict_to: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Role:
    """Something one person does in an incident. `default` holds it unless somebody is assigned.

    It must be held `at` these levels. Its holder may not hold `not_with` in the same incident.
    """

    id: RoleId
    default: tuple[Target, ...] = ()
    at: tuple[LevelId, ...] = ()
    not_with: tuple[RoleId, ...] = ()


@dataclass(frozen=True)
class Team:
    """People, or whoever is on call in a rota, under one name."""

    id: TeamId
    members: tuple[Target, ...]


@dataclass(frozen=True)
class Promise:
    """Something due `within` a time of its anchor; by level where the plan says so (`by_level`).

    Kept by a milestone, or by hand when `kept_by` is None. It stands while `when` holds (None: always).
    `tell` hear, besides whoever leads, that it was broken, and `warn` before it is due that it will be.
    """

    id: str
    anchor: Milestone
    within: timedelta
    by_level: Mapping[LevelId, timedelta] = field(default_factory=dict)
    kept_by: Milestone | None = None
    when: Condition | None = None
    not_before: timedelta = timedelta(0)
    tell: tuple[Target, ...] = ()
    warn: tuple[timedelta, ...] = ()


@dataclass(frozen=True)
class Duty:
    """Something done again and again, the calendar's way: every `count` `unit`s (day, week, month, year)."""

    id: str
    count: int
    unit: str
    purpose: str
    starts: date


@dataclass(frozen=True)
class Service:
    """Something that can break."""

    id: ServiceId
    name: str


@dataclass(frozen=True)
class NotifyRule:
    """`after` a page starts, use `channels`."""

    after: timedelta
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A whole plan. `version` is the hash of its files; levels stand worst first."""

    version: str
    name: str
    zone: str
    incident_id: str
    levels: tuple[Level, ...]
    classifications: tuple[Classification, ...]
    services: Mapping[ServiceId, Service]
    integrations: Mapping[str, ServiceId]
    rotas: Mapping[RotaId, Rota]
    catch_all: tuple[Target, ...]
    notify_rules: tuple[NotifyRule, ...]
    channel: str = ""
    facts: Mapping[FactId, Fact] = field(default_factory=dict)
    matrix: Matrix | None = None
    reclassify: Reclassify = field(default_factory=Reclassify)
    progress: Progress = field(default_factory=Progress)
    stages: Mapping[StageId, Stage] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    roles: Mapping[RoleId, Role] = field(default_factory=dict)
    teams: Mapping[TeamId, Team] = field(default_factory=dict)
    promises: tuple[Promise, ...] = ()
    review_due_when: tuple[Condition, ...] = ()
    review_steps: tuple[Promise, ...] = ()
    calendar: tuple[Duty, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition by which an incident is judged while it runs."""
        found = [row.condition for row in self.classifications]
        found += [trigger.when for trigger in self.triggers]
        found += [promise.when for promise in (*self.promises, *self.review_steps)]
        return tuple(one for one in (*found, *self.review_due_when) if one is not None)

    def asks(self, fact: FactId) -> bool:
        """Whether an incident may be judged by this fact, or by one that is worked out from it."""
        return any(fact in one.needs for one in (*self.conditions, *self.choosers))

    @property
    def choosers(self) -> tuple[Condition, ...]:
        """Every condition by which a fact is worked out from others."""
        return tuple(condition for one in self.facts.values() for _, condition in one.chosen_by)

    def level(self, level_id: LevelId) -> Level:
        """The level of that id; KeyError when the plan has none (the checker makes sure it has)."""
        for level in self.levels:
            if level.id == level_id:
                return level
        raise KeyError(level_id)

    @property
    def takes_turns(self) -> bool:
        """Whether it means the next one of a team anywhere, to be paged, to be told or in a role."""
        some = [self.catch_all, self.reclassify.lower, *(one.default for one in self.roles.values())]
        for level in self.levels:
            some += [targets for step in level.ladder for targets in (step.targets, step.tell)]
            some += [one.to for one in level.updates]
        some += [one.tell for one in self.stages.values()]
        some += [one.tell for one in (*self.promises, *self.review_steps)]
        some += [targets for one in self.triggers for targets in (one.page, one.tell)]
        return any(target.next_of for targets in some for target in targets)

    def service_of(self, integration: str) -> ServiceId:
        """The service an integration reports on.

        One that the plan no longer names is its own service: its alerts still page somebody.
        """
        return self.integrations.get(integration, ServiceId(integration))

    def service_name(self, service: ServiceId) -> str:
        """What people call the service."""
        known = self.services.get(service)
        return known.name if known else service


@dataclass(frozen=True)
class Person:
    """A responder as decisions see one: no addresses, only which channels exist and the personal rules."""

    id: PersonId
    name: str
    channels: frozenset[str]
    rules: tuple[NotifyRule, ...] = ()


@dataclass(frozen=True)
class View:
    """A snapshot of what may change under an open incident: people, today's rotas, and who stands in.

    `paged_at` is when each was paged last, for whatever it was.
    """

    people: Mapping[PersonId, Person] = field(default_factory=dict)
    rotas: Mapping[RotaId, Rota] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    paged_at: Mapping[PersonId, datetime] = field(default_factory=dict)
