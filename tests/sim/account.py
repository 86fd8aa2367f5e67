"""What an incident's events come to, counted by hand: nothing here folds or derives as the engine does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.sim import conditions
from tocsin.core.evolve import evolve
from tocsin.core.facts import Condition
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import ActorKind
from tocsin.core.policy import Advance, Clock, Milestone, Policy, Step

NO_TIME = timedelta()
OVER = ("resolved", "closed", "merged")
RANK = {one: rank for rank, one in enumerate(Milestone)}

_STATES: dict[type, tuple[Milestone, str]] = {
    events.Verified: (Milestone.VERIFIED, ""),
    events.MitigationBegun: (Milestone.MITIGATING, ""),
    events.Mitigated: (Milestone.MITIGATED, "mitigated"),
    events.Resolved: (Milestone.RESOLVED, "resolved"),
    events.Closed: (Milestone.CLOSED, "closed"),
}
_MOVES: dict[type, Advance] = {
    events.NoteAdded: Advance.NOTE,
    events.EstimateSet: Advance.ESTIMATE,
    events.MarkedDone: Advance.TASK,
    events.LevelRaised: Advance.LEVEL,
    events.LevelLowered: Advance.LEVEL,
    **dict.fromkeys(_STATES, Advance.MILESTONE),
}


@dataclass(slots=True)
class Heard:
    """How often an audience was told, or not in time, and when it last was, or should have been."""

    count: int
    at: datetime
    posted: datetime | None


@dataclass(slots=True)
class Account:
    """One incident. `policy` is the plan that it goes by, put here by whoever reads the events."""

    policy: Policy
    status: str = ""
    level: str = ""
    service: str = ""
    alerts: int = 0
    opened_at: datetime | None = None
    level_at: datetime | None = None
    ladder_at: datetime | None = None
    acknowledged_at: datetime | None = None
    answered_at: datetime | None = None
    milestones: dict[Milestone, datetime] = field(default_factory=dict)
    false_alarm: bool = False
    reopened: int = 0
    round: int = 0
    taken: set[int] = field(default_factory=set)
    come_to: int = 0
    identities: Counter[object] = field(default_factory=Counter)
    last_step_at: datetime | None = None
    escalated_at: datetime | None = None
    moved: dict[Advance, datetime] = field(default_factory=dict)
    extended_until: datetime | None = None
    warned_of: datetime | None = None
    begun: dict[str, list[datetime]] = field(default_factory=dict)
    carried: dict[tuple[str | None, str, int], events.CarriedStep] = field(default_factory=dict)
    stages: dict[str, datetime] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    heard: dict[str, Heard] = field(default_factory=dict)
    tasks: dict[str, datetime] = field(default_factory=dict)
    tasks_given: int = 0
    said: dict[str, datetime] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    by_default: dict[str, str] = field(default_factory=dict)
    taker: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    judged: bool = True
    thresholds: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    fired: set[str] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Whether nobody is paged for it any more."""
        return self.status in OVER

    @property
    def ladder(self) -> tuple[Step, ...]:
        """The ladder of its level."""
        return next(one.ladder for one in self.policy.levels if one.id == self.level)

    def reached(self, milestone: Milestone) -> datetime | None:
        """When it came to this state or a later one."""
        found = [at for one, at in self.milestones.items() if RANK[one] >= RANK[milestone]]
        return min(found) if found else None

    def moot(self, until: Milestone) -> bool:
        """Whether a page until then asks for nothing any more. While nobody has it, somebody is asked."""
        return self.over or (self.status != "triggered" and self.reached(until) is not None)

    def holds(self, condition: Condition) -> bool:
        """Whether a condition of the plan certainly holds, by its meaning said by hand."""
        if condition.text in conditions.MEANS:
            return self._means(condition.text)
        # Implied by a time for each level, with what the plan asks besides: `level in [L1, L3] and (slow)`.
        levels, _, also = condition.text.partition("[")[2].partition("]")
        also = also.removeprefix(" and (").removesuffix(")")
        return self.level in levels.split(", ") and (not also or self._means(also))

    def _means(self, text: str) -> bool:
        known: dict[str, float | str | bool] = {
            one: conditions.value(one, said) for one, said in self.facts.items()
        }
        known |= {"level": self.level, "status": self.status, "alerts": float(self.alerts)}
        return conditions.MEANS[text](known)

    def take(self, one: Recorded) -> None:
        """One more event."""
        event, at = one.event, one.at
        self._course(event, at)
        self._ladder(event, at)
        self._record(event, at, one.actor.kind)
        if (kind := _MOVES.get(type(event))) is not None:
            self.moved[kind] = at

    def _course(self, event: events.IncidentEvent, at: datetime) -> None:
        if type(event) in _STATES:
            milestone, status = _STATES[type(event)]
            self.milestones.setdefault(milestone, at)
            self.status = status or self.status
        match event:
            case events.Opened():
                self.opened_at = self.level_at = self.ladder_at = self.milestones[Milestone.OPENED] = at
                self.status, self.level, self.service = "triggered", event.level, event.service
                self.begun = {event.level: [at]}
            case events.Acknowledged():
                self._stood_still(at)
                self.acknowledged_at = at
                if self.status == "triggered":
                    self.status = "acknowledged"
                    self.taker = event.by.id if event.by.kind is ActorKind.PERSON else None
                    self.answered_at = self.answered_at or at
                    self.milestones.setdefault(Milestone.ACKNOWLEDGED, at)
                    self.moved[Advance.MILESTONE] = at
            case events.AcknowledgementLapsed():
                self._stood_still(at)
                self._untaken(event.carried)
            case events.Closed():
                self.false_alarm = event.verdict is events.Verdict.FALSE_POSITIVE
            case events.Reopened():
                self.alerts = 0 if self.over else self.alerts
                self._forget_from(Milestone.MITIGATING)
                self.level_at = self.escalated_at = at
                self.begun[self.level].append(at)
                self.answered_at, self.false_alarm, self.come_to = None, False, 0
                self.reopened += 1
                self.carried.clear()
                self._untaken()
            case events.MergedInto():
                self.status, self.alerts = "merged", 0
            case events.Absorbed():
                self.alerts += event.alerts_open
            case events.AlertsJoined():
                self.alerts += event.count
            case events.AlertsCleared():
                self.alerts = max(0, self.alerts - event.count)
            case _:
                pass

    def _ladder(self, event: events.IncidentEvent, at: datetime) -> None:
        match event:
            case events.LevelRaised():
                self._stood_still(at)
                self._begin(event, at)
                in_time = event.since and self.answered_at and self.answered_at >= event.since
                self.answered_at = self.answered_at if in_time else None
                self.milestones.pop(Milestone.MITIGATED, None)
                self.come_to, self.escalated_at = 0, None
                self.by_default.clear()
                self._untaken(event.carried)
            case events.LevelLowered():
                self._begin(event, at)
                self.escalated_at = at
                self.come_to = 0
                self.by_default.clear()
                # What levels of its own had promised is off; a merged incident that was no worse stands.
                ranks = {one.id: one.rank for one in self.policy.levels}
                least = ranks[event.level]
                self.carried = {
                    key: one
                    for key, one in self.carried.items()
                    if key[0] is not None and ranks.get(one.level, least) >= least
                }
            case events.RoundStarted():
                self.round, self.ladder_at, self.taken = (
                    event.round,
                    event.since or at,
                    set(range(event.taken)),
                )
                self.identities.clear()
                if event.taken:
                    self.last_step_at = self.escalated_at = at
            case events.StepTaken():
                step = self.ladder[event.step]
                self.taken |= set(range(event.step + 1))
                self.come_to, self.last_step_at = max(self.come_to, event.step + 1), at
                self.identities[identity(step)] += 1
                self.escalated_at = at if step.clock is Clock.PROGRESS else self.escalated_at
                if event.stage:
                    self.stages.setdefault(event.stage, at)
            case events.CarriedStepTaken():
                self.carried.pop((event.incident, event.level, event.step), None)
                if event.incident is None and event.level == self.level:
                    self.come_to = max(self.come_to, event.step + 1)
            case events.StepsCarriedOver():
                self._carry(event.carried)
            case events.Repinned():
                self.taken, self.come_to = set(range(event.taken)) | set(event.ahead), event.taken
                self.judged = False
            case events.Escalated():
                self.escalated_at = at
            case events.StallWarned():
                self.warned_of = event.due_at
            case events.ProgressExtended():
                self.extended_until = event.until
            case events.TriggerFired():
                self.fired.add(event.trigger)
            case _:
                pass

    def _record(self, event: events.IncidentEvent, at: datetime, by: ActorKind) -> None:
        match event:
            case events.PromiseBroken():
                self.broken.add(event.deadline)
                self.said.pop(event.deadline, None)
            case events.PromiseWarned():
                self.said[event.deadline] = at
            case events.TasksGiven():
                due = dict(event.due_at)
                for words in event.tasks:
                    self.tasks_given += 1
                    if words in due:
                        self.tasks[f"task:{self.tasks_given}"] = due[words]
            case events.MarkedDone():
                self.done.add(event.what)
            case events.UpdatePosted():
                self.said.pop(f"update:{self._count(event.audience)}:{event.audience}", None)
                self.heard[event.audience] = Heard(self._count(event.audience), at, at)
                if by is ActorKind.PERSON:
                    self.moved[Advance.UPDATE] = at
            case events.UpdateMissed():
                self.broken.add(event.deadline)
                self.said.pop(event.deadline, None)
                before = self.heard.get(event.audience)
                posted = before.posted if before else None
                self.heard[event.audience] = Heard(self._count(event.audience), event.next_from, posted)
            case events.RoleAssigned():
                self.roles[event.role] = event.person
            case events.RoleHandedOver():
                self.roles[event.role] = event.taker
            case events.HeldByDefault():
                self.by_default |= dict(event.held)
            case events.FactsSet():
                self.facts |= dict(event.values)
                self.facts = {fact: value for fact, value in self.facts.items() if value}
                self.judged = not self.over
            case events.ThresholdCrossed():
                self.thresholds[event.threshold] = (at, False)
            case events.ThresholdHeld():
                self.thresholds[event.threshold] = (self.thresholds[event.threshold][0], True)
            case events.ThresholdLeft():
                del self.thresholds[event.threshold]
            case _:
                pass

    def _count(self, audience: str) -> int:
        return self.heard[audience].count + 1 if audience in self.heard else 1

    def _stood_still(self, at: datetime) -> None:
        """While somebody has it, the clock of what it made moot has been stopped."""
        for key, one in self.carried.items():
            if self.status != "triggered" and self.acknowledged_at and self.moot(one.until):
                begun = max(self.reached(one.until) or at, self.acknowledged_at)
                self.carried[key] = evolve(one, due_at=one.due_at + (at - begun if at > begun else NO_TIME))

    def _untaken(self, carried: tuple[events.CarriedStep, ...] = ()) -> None:
        self.status, self.taker, self.acknowledged_at = "triggered", None, None
        self._carry(carried)

    def _carry(self, carried: tuple[events.CarriedStep, ...]) -> None:
        self.carried |= {(one.incident, one.level, one.step): one for one in carried}

    def _begin(self, event: events.LevelRaised | events.LevelLowered, at: datetime) -> None:
        """The clocks of a level begin, unless they go on from the beginning of it all as they did before."""
        self.level, self.level_at = event.level, event.since or at
        if event.since != self.opened_at or event.level not in self.begun:
            self.begun.setdefault(event.level, []).append(self.level_at)

    def _forget_from(self, milestone: Milestone) -> None:
        self.milestones = {one: at for one, at in self.milestones.items() if RANK[one] < RANK[milestone]}


def identity(step: Step) -> object:
    """By what a step is known again in another version of the plan: whom it is for, and what it brings."""
    return step.targets, step.tell, step.stage
