"""An incident before it happens: the functions that run one, in virtual time, with pretend people.

Time jumps from one thing that happens to the next: a deadline that comes, something that the script says, an
answer of somebody who was paged. `decide` cannot tell a rehearsal from the real thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from tocsin.core.incident import Decision, Incident, Page, catch_up, commands, deadlines, decide, next_due
from tocsin.core.incident.events import Recorded
from tocsin.core.incident.visibility import may_see
from tocsin.core.model import (
    SYSTEM,
    Actor,
    ActorKind,
    Alarm,
    Deadline,
    DeadlineState,
    FactId,
    LevelId,
    Notify,
    Outcome,
    PersonId,
    Receipt,
    Refused,
    ServiceId,
    Signal,
    SubjectId,
    Tell,
    Withdraw,
)
from tocsin.core.policy import Policy, View
from tocsin.core.severity import judge
from tocsin.core.values import found_in, in_words, unfit_in

INSTANTS_MAX = 100_000
"""More instants than this are no rehearsal."""

LASTS_MOST = timedelta(days=31)
"""The longest rehearsal: the last report that a law asks for is due within a month."""


class TooMuch(Exception):
    """More happens in the rehearsal than can be played."""


@dataclass(frozen=True)
class Open:
    """The incident opens at this level, whatever the plan's table would say; `facts` are known already."""

    at: timedelta
    level: LevelId
    facts: Mapping[FactId, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """Somebody asks something of the incident; nobody named means whoever has it, or was paged first."""

    at: timedelta
    command: commands.IncidentCommand
    by: PersonId | None = None


@dataclass(frozen=True)
class Arrive:
    """A source sends an alert. The plan says how bad it is."""

    at: timedelta
    signal: Signal


@dataclass(frozen=True)
class Clear:
    """The source says that every alert is over."""

    at: timedelta


@dataclass(frozen=True)
class Switch:
    """A channel stops working, or works again: for one person, or for everybody."""

    at: timedelta
    channel: str
    works: bool
    person: PersonId | None = None


Act = Open | Ask | Arrive | Clear | Switch


@dataclass(frozen=True)
class Scenario:
    """What is rehearsed. With `answers_after` everybody whom a page reaches answers it that much later.

    Otherwise nobody does anything that is not among `acts`. The first of them opens the incident.
    """

    starts: datetime
    lasts: timedelta
    service: ServiceId
    acts: tuple[Act, ...] = ()
    answers_after: timedelta | None = None


@dataclass(frozen=True)
class Sent:
    """A message that a channel was given and took: a page, or something that wants no answer."""

    at: datetime
    message: Notify | Tell

    @property
    def pages(self) -> bool:
        """Whether it asks the person to come."""
        return isinstance(self.message, Notify)


@dataclass(frozen=True)
class Turned:
    """Something that was asked and refused: when, of whom, and the reason in a sentence."""

    at: datetime
    by: Actor
    reason: str


@dataclass(frozen=True)
class Rehearsal:
    """What would happen. `promises` are those made to people, as each stood at last; `state` is the end's.

    `doubts` are sentences about what alerts said and nothing was made of.
    """

    policy: Policy
    scenario: Scenario
    state: Incident | None
    recorded: tuple[Recorded, ...]
    sent: tuple[Sent, ...]
    alarms: tuple[tuple[datetime, str], ...]
    doubts: tuple[tuple[datetime, str], ...]
    turned: tuple[Turned, ...]
    promises: tuple[Deadline, ...]

    @property
    def ends(self) -> datetime:
        """The instant up to which it was played."""
        return self.scenario.starts + self.scenario.lasts


def rehearse(policy: Policy, view: View, scenario: Scenario) -> Rehearsal:
    """Play `scenario` with the people of `view`. The same arguments always give the same rehearsal."""
    stage = _Stage(policy, view, scenario, scenario.starts)
    # What is broken from an instant on is broken for what happens at that instant.
    stage.acts = sorted(scenario.acts, key=lambda act: (act.at, not isinstance(act, Switch)))
    ends = scenario.starts + scenario.lasts
    for _ in range(INSTANTS_MAX):
        at = stage.next()
        if at is None or at > ends:
            return stage.rehearsal()
        stage.now = max(stage.now, at)
        # As on a server: what was due is owned up to before what people do at that instant.
        stage.wake()
        stage.answer()
        stage.act()
    raise TooMuch(f"After {INSTANTS_MAX} instants the rehearsal is not over. Play a shorter time.")


@dataclass(slots=True)
class _Stage:
    """The incident so far, and what people and channels will do next."""

    policy: Policy
    view: View
    scenario: Scenario
    now: datetime
    state: Incident | None = None
    recorded: list[Recorded] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    alarms: list[tuple[datetime, str]] = field(default_factory=list)
    doubts: list[tuple[datetime, str]] = field(default_factory=list)
    turned: list[Turned] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    waiting: dict[str, Notify | Tell] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    silent: set[tuple[str, PersonId | None]] = field(default_factory=set)
    reached: dict[int, datetime] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    promises: dict[str, Deadline] = field(default_factory=dict)

    def next(self) -> datetime | None:
        """When something happens next."""
        due = next_due(self.state, self.policy) if self.state else None
        scripted = self.scenario.starts + self.acts[0].at if self.acts else None
        answers = (at for _, at in self._answers())
        return min((at for at in (due, scripted, *answers) if at is not None), default=None)

    def wake(self) -> None:
        """Carry out what is due, as the wake loop does."""
        if self.state is not None:
            self._take(catch_up(self.state, self.policy, self.view, self.now).decision)

    def answer(self) -> None:
        """Whoever would answer a page by now answers it."""
        while due := [page for page, at in self._answers() if at <= self.now]:
            self.answered.add(due[0].id)
            self._ask(Actor(ActorKind.PERSON, due[0].person), commands.Acknowledge("link"))

    def act(self) -> None:
        """What the script says for now."""
        while self.acts and self.scenario.starts + self.acts[0].at <= self.now:
            self._carry_out(self.acts.pop(0))

    def rehearsal(self) -> Rehearsal:
        """What has happened."""
        return Rehearsal(
            self.policy,
            self.scenario,
            self.state,
            tuple(self.recorded),
            tuple(self.sent),
            tuple(self.alarms),
            tuple(self.doubts),
            tuple(self.turned),
            self._standing(),
        )

    def _carry_out(self, act: Act) -> None:
        match act:
            case Open():
                join = self._join(act.level, "the rehearsal says so", "Rehearsal")
                self._ask(self._source(), replace(join, facts=act.facts))
            case Arrive():
                unfit = unfit_in(act.signal.details, self.policy.facts)
                self.doubts += [(self.now, f"The alert counts without this: {one}") for one in unfit]
                found = judge(self.policy, act.signal, self.scenario.service)
                join = self._join(found.level.id, found.reason, act.signal.summary)
                facts = found_in(act.signal.details, self.policy.facts)
                said = {id: in_words(value, self.policy.facts[id].kind) for id, value in facts.items()}
                self._ask(self._source(), replace(join, facts=said))
            case Clear():
                count = self.state.alerts_open if self.state else 0
                self._ask(self._source(), commands.ClearAlerts(count, ("Rehearsal",)))
            case Switch():
                self.silent.discard((act.channel, act.person))
                if not act.works:
                    self.silent.add((act.channel, act.person))
                self._deliver()
            case Ask():
                self._ask_as(self._who(act), act.command)
            case _:
                assert_never(act)

    def _who(self, ask: Ask) -> Actor:
        if ask.by is not None:
            return Actor(ActorKind.PERSON, ask.by)
        pages = self.state.pages if self.state else ()
        has_it = self.state.acknowledged_by if self.state else None
        if has_it is not None and not isinstance(ask.command, commands.Acknowledge):
            return has_it
        return Actor(ActorKind.PERSON, pages[0].person) if pages else SYSTEM

    def _ask_as(self, who: Actor, command: commands.IncidentCommand) -> None:
        """As somebody who may not see the incident asks nothing of it."""
        state, person = self.state, PersonId(who.id)
        hidden = state is not None and not may_see(state, person, self.policy, self.view, self.now)
        if hidden and who.kind is ActorKind.PERSON:
            self.turned.append(Turned(self.now, who, "It is restricted, and they may not see it."))
        else:
            self._ask(who, command)

    def _source(self) -> Actor:
        service = self.scenario.service
        names = (name for name, of in self.policy.integrations.items() if of == service)
        return Actor(ActorKind.SOURCE, next(names, service))

    def _join(self, level: LevelId, reason: str, summary: str) -> commands.JoinAlerts:
        if self.state is not None:
            id = self.state.id
        else:
            day = self.now.astimezone(ZoneInfo(self.policy.zone))
            id = SubjectId(self.policy.incident_id.format(date=day, number=1))
        return commands.JoinAlerts(id, self.scenario.service, 1, (summary,), level, reason)

    def _ask(self, actor: Actor, command: commands.IncidentCommand) -> None:
        answer = decide(self.state, commands.Asked(actor, command), self.policy, self.view, self.now)
        if isinstance(answer, Refused):
            self.turned.append(Turned(self.now, actor, answer.reason))
        else:
            self._take(answer)

    def _take(self, decision: Decision) -> None:
        """Go on from a decision, and carry its effects out."""
        self.state = decision.state
        self.recorded += decision.events
        for effect in decision.effects:
            if isinstance(effect, Notify | Tell):
                self.waiting[effect.key] = effect
            elif isinstance(effect, Withdraw):
                off = [key for key, one in self.waiting.items() if _page(one) == effect.page]
                for key in off:
                    del self.waiting[key]
            elif isinstance(effect, Alarm):
                self.alarms.append((self.now, effect.text))
        # What falls due or is settled while the messages go out is seen as well.
        self.promises |= {one.id: one for one in deadlines(decision.state, self.policy)}
        self._deliver()

    def _deliver(self) -> None:
        """Hand what waits to the channels. One that is out of order refuses for now, and is tried again."""
        for key, message in tuple(self.waiting.items()):
            if key not in self.waiting:
                continue  # called off by what came of an earlier one
            if self.silent.isdisjoint({(message.channel, None), (message.channel, message.person)}):
                del self.waiting[key]
                self.sent.append(Sent(self.now, message))
                self._settle(message, Receipt(Outcome.ACCEPTED))
            elif key not in self.refused:
                self.refused.add(key)
                self._settle(message, Receipt(Outcome.RETRYING, "out of order in this rehearsal"))

    def _settle(self, notify: Notify | Tell, receipt: Receipt) -> None:
        """The incident hears what became of its pages; what is only told may come when it comes."""
        if isinstance(notify, Tell):
            return
        if receipt.outcome is Outcome.ACCEPTED:
            self.reached.setdefault(notify.page, self.now)
        attempt = 1 + (notify.key in self.refused and receipt.outcome is Outcome.ACCEPTED)
        settle = commands.Settle(notify.page, notify.ring, notify.person, notify.channel, attempt, receipt)
        self._ask(SYSTEM, settle)

    def _answers(self) -> list[tuple[Page, datetime]]:
        """Which open pages will be answered, and when."""
        after = self.scenario.answers_after
        if after is None or self.state is None:
            return []
        return [
            (page, self.reached[page.id] + after)
            for page in self.state.pages
            if page.id in self.reached and page.id not in self.answered
        ]

    def _standing(self) -> tuple[Deadline, ...]:
        """Every promise that was kept or broken, and what is still promised to people, the earliest first."""
        now = {one.id for one in deadlines(self.state, self.policy)} if self.state else set()
        stands = [
            one
            for one in self.promises.values()
            if one.state is not DeadlineState.DUE or (one.id in now and not _own(one))
        ]
        return tuple(sorted(stands, key=lambda one: one.due_at))


def _page(message: Notify | Tell) -> int | None:
    return message.page if isinstance(message, Notify) else None


def _own(deadline: Deadline) -> bool:
    """Whether this is Tocsin's own next move, and not a promise that people see."""
    return deadline.id.partition(":")[0] in ("lapse", "remind", "repeat", "ring", "step", "threshold", "warn")
