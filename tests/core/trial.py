"""One incident in virtual time, with the pure core alone: no store, no engine, nothing faked.

    trial = Trial(plan("0m ana", "5m ben"))
    trial.join()
    trial.wait(minutes=5)
    assert trial.told() == ["0m ana email", "5m ben email"]

Every decision is checked as it is made: its state is the fold of its events, no ring goes out under a key
that was used before, and nobody is paged who has answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tocsin.core.incident import Decision, Incident, commands, deadlines, decide, events, fold_all, next_due
from tocsin.core.incident.clock import carry_out
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.events import Recorded
from tocsin.core.model import (
    SYSTEM,
    Actor,
    ActorKind,
    Alarm,
    CloseAlerts,
    Deadline,
    DeadlineState,
    Effect,
    LevelId,
    Notify,
    Outcome,
    PersonId,
    Receipt,
    Refused,
    RoleId,
    RotaId,
    ServiceId,
    StageId,
    SubjectId,
    TeamId,
    Tell,
    Withdraw,
)
from tocsin.core.oncall import Layer, Override, Rota
from tocsin.core.policy import (
    Clock,
    Level,
    Milestone,
    NotifyRule,
    Person,
    Policy,
    Role,
    Stage,
    Step,
    Target,
    Task,
    Team,
    View,
)

EventT = TypeVar("EventT", bound=events.IncidentEvent)
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a Monday night
INCIDENT = SubjectId("INC-1")
SOURCE = Actor(ActorKind.SOURCE, "prometheus")


def minutes(text: str) -> timedelta:
    """`15m` as a length of time."""
    return timedelta(minutes=float(text.removesuffix("m")))


def target(word: str) -> Target:
    """A person, or a rota written `@primary`, or `role:CTO`, `team:ops`, `next:ops`."""
    kind, _, name = word.rpartition(":")
    if kind == "role":
        return Target(role=RoleId(name))
    if kind in ("team", "next"):
        return Target(team=TeamId(name), next_of=kind == "next")
    return Target(rota=RotaId(word[1:])) if word.startswith("@") else Target(person=PersonId(word))


def targets(text: str) -> tuple[Target, ...]:
    """Targets written `ana+@primary`; `-` for nobody."""
    return () if text in ("", "-") else tuple(map(target, text.split("+")))


def step(text: str) -> Step:
    """A rung written `5m ana+@primary`, or `5m ana until resolved`.

    Other clocks are `unanswered:5m`, `stalled:15m`, `by_hand:0m`. After the people may stand pairs of words:
    `until resolved`, `tell zoe+eli`, `promise Assessed`, `tasks War-room+Call/10m`, `stage Second`.
    """
    time, who, *rest = text.split()
    clock, _, after = time.rpartition(":")
    said = dict(zip(rest[::2], rest[1::2], strict=True))
    return Step(
        minutes(after),
        targets(who),
        Milestone(said.get("until", "acknowledged")),
        Clock(clock or "after"),
        targets(said.get("tell", "")),
        said.get("promise", ""),
        tasks(said.get("tasks", "")),
        StageId(said["stage"]) if "stage" in said else None,
    )


def tasks(text: str) -> tuple[Task, ...]:
    """Tasks written `Call+Write/10m`, where the second is due ten minutes after it was given."""
    pairs = (one.partition("/") for one in text.split("+") if one)
    return tuple(Task(words, minutes(within) if within else None) for words, _, within in pairs)


def role(name: str, default: str = "", *, at: str = "", not_with: str = "") -> Role:
    """A role that `default` holds unless somebody is assigned."""
    levels = tuple(map(LevelId, filter(None, at.split("+"))))
    others = tuple(map(RoleId, filter(None, not_with.split("+"))))
    return Role(RoleId(name), targets(default), levels, others)


def team(name: str, members: str) -> Team:
    """A team written `ana+@primary`."""
    return Team(TeamId(name), targets(members))


def stage(name: str, tell: str = "", words: str = "", updates_every: int = 100) -> Stage:
    """What a step of that stage brings besides."""
    return Stage(StageId(name), targets(tell), tasks(words), updates_every)


def level(
    name: str, *ladder: str, rank: int = 0, repeat: str = "10m", lasts: str = "30m", within: str = "5m"
) -> Level:
    """A level that pages by `ladder`; an empty text for a length of time means that the plan does not say."""
    lengths = [minutes(text) if text else None for text in (within, repeat, lasts)]
    within_length, repeat_length, lasts_length = lengths
    return Level(
        LevelId(name),
        name,
        rank,
        True,
        within_length,
        tuple(map(step, ladder)),
        repeat_length,
        lasts_length,
    )


def rota(
    name: str, *people: str, starts: str = "2026-01-05 09:00", zone: str = "UTC", seats: int = 1
) -> Rota:
    """A weekly rota."""
    ids = tuple(map(PersonId, people))
    return Rota(RotaId(name), (Layer(ids, datetime.fromisoformat(starts), zone, seats=seats),))


def rules(*texts: str) -> tuple[NotifyRule, ...]:
    """Personal rules written `2m email+sms`."""
    pairs = (text.split() for text in texts)
    return tuple(NotifyRule(minutes(after), tuple(by.split("+"))) for after, by in pairs)


def policy(*levels: Level, rotas: Iterable[Rota] = (), catch_all: str = "dara") -> Policy:
    """A plan of these levels, the worst first; unless people have rules of their own, e-mail at once."""
    return Policy(
        version="v1",
        name="Plan",
        zone="UTC",
        incident_id="",
        levels=levels,
        classifications=(),
        services={},
        integrations={},
        rotas={one.id: one for one in rotas},
        catch_all=tuple(map(target, catch_all.split("+"))),
        notify_rules=rules("0m email"),
    )


def plan(*ladder: str, rotas: Iterable[Rota] = (), catch_all: str = "dara") -> Policy:
    """A plan of two levels with the same ladder: P1 is worse than P2."""
    both = (level("P1", *ladder), level("P2", *ladder, rank=1))
    return policy(*both, rotas=rotas, catch_all=catch_all)


def person(text: str, *own: str) -> Person:
    """Somebody written `ana email+sms` (or `ana -` without any channel), with rules of their own."""
    name, channels = text.split()
    return Person(
        PersonId(name), name.title(), frozenset(channels.replace("-", "").split("+")) - {""}, rules(*own)
    )


EVERYBODY = tuple(person(f"{name} email") for name in ("ana", "ben", "chloe", "dara"))


def clock_on(
    state: Incident | None, deadline: str, policy: Policy, view: View, now: datetime
) -> Decision | Refused:
    """What the clock does about one deadline alone; refused while that has not come, or is done with."""
    if state is None:
        return Refused("There is no such incident.")
    for one in deadlines(state, policy):
        if one.id == deadline and one.state is DeadlineState.DUE and one.due_at <= now:
            draft = Draft(state, policy, view, now)
            carry_out(draft, one)
            return draft.decision
    return Refused(f"{state.id} has no deadline {deadline} due.")


@dataclass(slots=True)
class Trial:
    """See the module's own words. Times in `told` and `happened` are minutes since the start."""

    policy: Policy
    people: tuple[Person, ...] = EVERYBODY
    now: datetime = START
    state: Incident | None = None
    recorded: list[Recorded] = field(default_factory=list)
    effects: list[tuple[datetime, Effect]] = field(default_factory=list)
    called_off: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    paged_at: dict[PersonId, datetime] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    id: SubjectId = INCIDENT

    @property
    def view(self) -> View:
        """The directory as decisions see it."""
        people = {one.id: one for one in self.people}
        return View(people, overrides=self.overrides, paged_at=self.paged_at)

    @property
    def incident(self) -> Incident:
        """The state; there is one once alerts have joined."""
        assert self.state is not None
        return self.state

    def ask(self, command: commands.IncidentCommand, actor: Actor = SYSTEM) -> Decision | Refused:
        """Decide, and go on from there."""
        answer = decide(self.state, commands.Asked(actor, command), self.policy, self.view, self.now)
        return self._took(answer)

    def _took(self, answer: Decision | Refused) -> Decision | Refused:
        if isinstance(answer, Decision):
            self._check(answer)
            self.state = answer.state
            self.recorded += answer.events
            self.effects += [(self.now, one) for one in answer.effects]
        return answer

    def _check(self, decision: Decision) -> None:
        answered = set(self.state.answered) if self.state else set()
        for one in decision.effects:
            if isinstance(one, Notify | Tell):
                assert one.key not in self.keys, f"{one.key} goes out twice"
                self.keys.add(one.key)
            if isinstance(one, Notify):
                assert one.person not in answered or decision.state.status == "triggered"
        assert fold_all([*self.recorded, *decision.events]) == decision.state

    def join(
        self, level: str = "P1", count: int = 1, sample: tuple[str, ...] = ("down",)
    ) -> Decision | Refused:
        """Alerts come in."""
        reason = f"the plan says {level}"
        service = ServiceId("checkout")
        return self.ask(commands.JoinAlerts(self.id, service, count, sample, LevelId(level), reason), SOURCE)

    def clear(self, count: int = 1) -> Decision | Refused:
        """The source says that alerts are over."""
        return self.ask(commands.ClearAlerts(count, ("down",)), SOURCE)

    def acknowledge(self, name: str) -> Decision | Refused:
        """A person takes it."""
        return self.ask(commands.Acknowledge("link"), Actor(ActorKind.PERSON, name))

    def resolve(self, name: str) -> Decision | Refused:
        """A person says that it is over."""
        return self.ask(commands.Resolve("fixed"), Actor(ActorKind.PERSON, name))

    def by(self, name: str, command: commands.IncidentCommand) -> Decision | Refused:
        """A person asks for anything else."""
        return self.ask(command, Actor(ActorKind.PERSON, name))

    def absorb(self, other: Trial) -> Decision | Refused:
        """Ana merges another incident into this one."""
        return self.by("ana", commands.Absorb(other.incident, other.policy))

    def due(self, deadline: str) -> Decision | Refused:
        """The clock carries out one deadline, if it has come."""
        return self._took(clock_on(self.state, deadline, self.policy, self.view, self.now))

    def receipt(self, name: str, outcome: str, *, ring: int | None = None, attempt: int = 1) -> None:
        """The channel answers for a person's newest ring, or for ring number `ring` of their newest page."""
        sent = [one for _, one in self.effects if isinstance(one, Notify) and one.person == name]
        if ring is not None:
            sent = [one for one in sent if one.page == sent[-1].page and one.ring == ring]
        last = sent[-1]
        receipt = Receipt(Outcome(outcome), "says the provider")
        answer = self.ask(commands.Settle(last.page, last.ring, last.person, last.channel, attempt, receipt))
        assert isinstance(answer, Decision)

    def refuse_all(self) -> None:
        """Every channel refuses for good, until nothing more is sent at this instant."""
        settled = 0
        while settled < len(self.effects):
            _, effect = self.effects[settled]
            settled += 1
            if isinstance(effect, Notify) and self.incident.page(effect.page):
                receipt = Receipt(Outcome.FAILED)
                self.ask(commands.Settle(effect.page, effect.ring, effect.person, effect.channel, 1, receipt))

    def wait(self, *, minutes: float) -> None:
        """Let time pass; every deadline is carried out when it comes."""
        end = self.now + timedelta(minutes=minutes)
        while (at := next_due(self.incident, self.policy)) is not None and at <= end:
            self.now = max(self.now, at)
            self._wake()
        self.now = end

    def outage(self, *, minutes: float) -> None:
        """Let time pass while nobody looks; at its end everything that has come is carried out at once."""
        self.now += timedelta(minutes=minutes)
        self._wake()

    def _wake(self) -> None:
        # One commit, as in the engine: what it decides and takes back does not go out.
        before = len(self.effects)
        for _ in range(1_000):
            come = [one for one in self.open_deadlines() if one.due_at <= self.now]
            if not come:
                self._call_off(before)
                return
            assert isinstance(self.due(come[0].id), Decision)
        raise AssertionError("deadlines are never used up")

    def _call_off(self, before: int) -> None:
        commit = [one for _, one in self.effects[before:]]
        off = {one.page for one in commit if isinstance(one, Withdraw)}
        self.called_off |= {one.key for one in commit if isinstance(one, Notify) and one.page in off}

    def open_deadlines(self) -> list[Deadline]:
        """What is promised and neither kept nor broken, the earliest first."""
        listed = deadlines(self.incident, self.policy)
        return [one for one in listed if one.state is DeadlineState.DUE]

    def told(self) -> list[str]:
        """Who was sent what when, as `5m ben email`; not what was called off before anybody could send it."""
        return [
            f"{self._minute(at)} {one.person} {one.channel}"
            for at, one in self.effects
            if isinstance(one, Notify) and one.key not in self.called_off
        ]

    def heard(self) -> list[str]:
        """Who was told without being asked to answer, as `5m zoe email: words`."""
        return [
            f"{self._minute(at)} {one.person} {one.channel}: {one.words}"
            for at, one in self.effects
            if isinstance(one, Tell)
        ]

    def alarms(self) -> list[str]:
        """Noise made where the operator sees it, as `0m text`."""
        return [f"{self._minute(at)} {one.text}" for at, one in self.effects if isinstance(one, Alarm)]

    def happened(self, *kinds: type[events.IncidentEvent]) -> list[str]:
        """The events of these kinds (all, when none is named), as `5m StepTaken`."""
        return [
            f"{self._minute(one.at)} {type(one.event).__name__}"
            for one in self.recorded
            if not kinds or isinstance(one.event, kinds)
        ]

    def last(self, kind: type[EventT]) -> EventT:
        """The newest event of a kind."""
        return next(one.event for one in reversed(self.recorded) if isinstance(one.event, kind))

    def last_at(self, kind: type[events.IncidentEvent]) -> datetime:
        """When the newest event of a kind happened."""
        return next(one.at for one in reversed(self.recorded) if isinstance(one.event, kind))

    def _minute(self, at: datetime) -> str:
        return f"{(at - START).total_seconds() / 60:g}m"


def in_words(effect: Effect) -> str:
    """An effect as the tables write it."""
    match effect:
        case Notify():
            return f"Notify {effect.person} {effect.channel}"
        case Withdraw():
            return f"Withdraw {effect.page}"
        case Tell():
            return f"Tell {effect.person} {effect.channel}"
        case CloseAlerts() | Alarm():
            return type(effect).__name__
