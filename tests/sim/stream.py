"""One incident as its stored events tell it: read one by one, folded and added up apart from the engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.sim import due
from tests.sim.account import Account, identity
from tests.sim.levels import Levels, held_now
from tests.sim.pledges import Pledges
from tests.sim.reasons import Reasons
from tests.sim.telling import Errand
from tocsin.core.incident import Incident, events
from tocsin.core.incident.events import Recorded
from tocsin.core.incident.state.fold import fold
from tocsin.core.model import ActorKind, Outcome, PersonId
from tocsin.core.policy import Milestone, Policy, Target

_ANEW = (events.LevelRaised, events.LevelLowered, events.AcknowledgementLapsed, events.Reopened)
"""After these the ladder begins anew, and not because its time has come."""


@dataclass(slots=True)
class OpenPage:
    """A page that is neither answered nor withdrawn, in the words of the events about it."""

    person: PersonId
    until: Milestone
    started_at: datetime
    rings: tuple[events.Ring, ...]
    sent: set[int] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    reached: bool = False

    @property
    def waiting(self) -> list[int]:
        """The rings still to go: what was refused for good is not tried that way again."""
        numbers = (number for number in range(len(self.rings)) if number not in self.sent)
        return [number for number in numbers if self.rings[number].channel not in self.failed]

    def rings_at(self, ring: int) -> datetime:
        """When a ring is due."""
        return self.started_at + timedelta(seconds=self.rings[ring].after_seconds)

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
    changed_at: datetime | None = None
    lowered_at: datetime | None = None
    repinned_in: int | None = None
    refused_in_round: bool = False
    last_page: int = 0
    asked_at: dict[str, datetime] = field(default_factory=dict)
    asked_in_round: set[str] = field(default_factory=set)
    joined: int = 0
    account: Account = field(init=False)
    pledges: Pledges = field(default_factory=Pledges)
    levels: Levels = field(default_factory=Levels)
    errand: Errand | None = None
    reasons: Reasons = field(default_factory=Reasons)
    agreed: dict[str, set[str]] = field(default_factory=dict)
    unheard: list[tuple[datetime, str, str]] = field(default_factory=list)
    began_anew: bool = False
    absorbed: dict[str, tuple[datetime, set[str], set[Milestone]]] = field(default_factory=dict)
    known_since: dict[str, datetime] = field(default_factory=dict)
    _dues: dict[str, datetime] | None = None
    _known: dict[str, datetime] = field(default_factory=dict)
    _last_at: datetime | None = None

    def __post_init__(self) -> None:
        self.account = Account(self.policy)

    def goes_by(self, policy: Policy) -> None:
        """From the next event on it goes by this version of the plan."""
        if policy is not self.policy:
            self.policy = self.account.policy = policy
            # A step that a version in between has not got is new when it comes back.
            self.account.identities &= Counter(map(identity, self.account.ladder))
            self._dues = None

    @property
    def dues(self) -> dict[str, datetime]:
        """All that the clock must see to, the rings of open pages included. `known_since` says since when."""
        if self.state is None:
            return {}
        if self._dues is None:
            self._dues = dict(due.everything(self.account))
            for number, page in self.pages.items():
                self._dues |= {f"ring {ring} of page {number}": page.rings_at(ring) for ring in page.waiting}
            assert self._last_at is not None
            self.known_since = {
                name: self.known_since[name] if self._known.get(name) == at else self._last_at
                for name, at in self._dues.items()
            }
            self._known = self._dues
        return self._dues

    @property
    def judged_by_hand(self) -> bool:
        """Whether a person lowered its level, or let it go by another plan than its alerts were judged by."""
        merged = self.state is not None and bool(self.state.absorbed)
        return self.lowered_at is not None or self.repinned_in is not None or merged

    @property
    def incident(self) -> Incident:
        """The folded state of a stream that has begun."""
        assert self.state is not None
        return self.state

    def take(self, one: Recorded) -> None:
        """One more event."""
        event = one.event
        before = self.state.status if self.state else None
        if self.state is not None:
            self.pledges.before(self.account, one)
            self._hears(event, one.at)
        facts, held = dict(self.account.facts), held_now(self.account)
        if self.state is not None:
            self.reasons.take(self.account, one)
        self.account.take(one)
        self.levels.take(facts, held, self.account, one)
        self.pledges.after(self.account)
        self._dues, self._last_at = None, one.at
        if isinstance(event, (*_ANEW, events.RoundStarted)):
            self.began_anew = not isinstance(event, events.RoundStarted)
        self._pages(event, one.at)
        self._ladder(event, one.at)
        self._course(event)
        self.state = fold(self.state, one)
        if self.state.status is not before:
            self.changed_at = one.at
        self.version += 1

    def _pages(self, event: events.IncidentEvent, at: datetime) -> None:
        match event:
            case events.PageStarted():
                self.pages[event.page] = OpenPage(event.person, event.until, at, event.rings)
                self.last_page, self.asked_at[event.person] = self.version, at
                self.asked_in_round.add(event.person)
                for absorbed_at, asked, _ in self.absorbed.values():
                    if absorbed_at == at:
                        asked.add(event.person)
            case events.PageAnswered() | events.PageWithdrawn():
                gone = self.pages.pop(event.page, None)
                self.asked_in_round -= {gone.person} if gone else set()
                if isinstance(event, events.PageAnswered):
                    self.answered.add(event.person)
            case events.RingSent() | events.RingSkipped() | events.RingSettled():
                self._ring(event, at)
            case events.Told():
                self.rings.add(event.key)
            case events.NobodyReached():
                self.nobody_told = self.version
            case _:
                pass

    def _ladder(self, event: events.IncidentEvent, at: datetime) -> None:
        match event:
            case events.StepTaken() | events.CarriedStepTaken() if not event.paged:
                self.blocked_at = at
            case events.Escalated():
                self.escalated_at = at
            case events.RoundStarted():
                self.refused_in_round = False
                self.asked_in_round.clear()
            case events.Repinned():
                self.repinned_in = self.account.round
            case events.LevelLowered():
                self.lowered_at = at
            case _:
                pass

    def _course(self, event: events.IncidentEvent) -> None:
        match event:
            case events.LevelRaised() | events.AcknowledgementLapsed() | events.Reopened():
                self.answered.clear()
            case events.Acknowledged():
                if event.by.kind is ActorKind.PERSON:
                    self.answered.add(event.by.id)
            case events.AlertsJoined():
                self.joined += event.count
            case events.Absorbed():
                self.joined += event.alerts_count
                asked = {page.person for page in self.pages.values()} | self.answered
                moot = {one for one in Milestone if self.account.moot(one)}
                assert self._last_at is not None
                self.absorbed[event.incident] = (self._last_at, set(asked), moot)
            case events.HandOverOffered():
                self.agreed[event.role] = set()
            case events.HandOverConfirmed():
                self.agreed.setdefault(event.role, set()).add(event.person)
            case events.RoleAssigned():
                self.agreed.pop(event.role, None)
            case _:
                pass

    def _ring(self, event: events.RingSent | events.RingSkipped | events.RingSettled, at: datetime) -> None:
        page = self.pages.get(event.page)
        if isinstance(event, events.RingSettled):
            if event.outcome in (Outcome.RETRYING, Outcome.FAILED):
                self.refused_rings.add(f"{self.id}/{event.page}/{event.ring}")
                self.blocked_at = at
            if page is not None:
                before = page.turned_away
                page.reached |= event.outcome is Outcome.ACCEPTED
                refused = event.outcome in (Outcome.RETRYING, Outcome.FAILED)
                page.refused |= {event.channel} if refused else set()
                page.failed |= {event.channel} if event.outcome is Outcome.FAILED else set()
                # A page moves the ladder on once, when its last channel refuses.
                self.refused_in_round |= page.turned_away and not before
            return
        if isinstance(event, events.RingSent):
            self.rings.add(event.key)
        if page is not None:
            page.sent.add(event.ring)

    def _hears(self, event: events.IncidentEvent, at: datetime) -> None:
        """Who is to hear of this, and who has."""
        if isinstance(event, events.Told):
            said = [one for one in self.unheard if one[:2] == (at, event.person) and one[2] in event.words]
            self.unheard = [one for one in self.unheard if one not in said]
        elif isinstance(event, events.StallWarned):
            # When the step itself comes now, there is nothing to warn of.
            self.unheard += (
                [] if event.due_at <= at else [(at, person, "No progress") for person in self._leads()]
            )
        elif isinstance(event, events.PromiseBroken | events.PromiseWarned | events.UpdateMissed):
            # An acknowledgement that is missing, and what a rung expects, is what the ladder sees to.
            of_the_ladder = event.deadline.startswith(("acknowledge:", "expect:"))
            people = () if of_the_ladder else (*self._named_for(event.deadline), *self._leads())
            self.unheard += [(at, person, f"“{event.promise}”") for person in people]

    def _named_for(self, deadline: str) -> list[str]:
        promises = (*self.policy.promises, *self.policy.review_steps)
        named = (one.tell for one in promises if due.promise_id(self.account, one) == deadline)
        return _people(next(named, ()))

    def _leads(self) -> list[str]:
        first = next(iter(self.policy.roles.values()), None)
        if first is not None and first.id in self.account.roles:
            return [self.account.roles[first.id]]
        if self.account.taker is not None:
            return [self.account.taker]
        return _people(first.default) if first is not None else []


def _people(targets: tuple[Target, ...]) -> list[str]:
    return [one.person for one in targets if one.person is not None]
