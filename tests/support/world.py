"""A whole server in virtual time: the production engine and store, and a cast of people with fake channels.

    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.advance(minutes=5)
    world.expect(page("ben"))

Time moves only by `advance`, which jumps from due time to due time. Every message that no `expect` named is a
failure at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tocsin import limits
from tocsin.core.incident import Incident, commands
from tocsin.core.incident.events import Recorded
from tocsin.core.model import (
    Actor,
    ActorKind,
    AlertAction,
    AlertSeverity,
    Message,
    Outcome,
    Receipt,
    Refused,
    Signal,
    SubjectId,
)
from tocsin.engine.apply import Applied
from tocsin.engine.context import Context
from tocsin.engine.engine import Engine
from tocsin.engine.intake import Intake
from tocsin.plan.people import read_people
from tocsin.plan.read import compile_files, version_of
from tocsin.store import directory, plans, subjects
from tocsin.store.alerts import Received
from tocsin.store.migrate import migrate
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Job, Lane

T = TypeVar("T")
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a Monday night; ana is primary, ben secondary

PLAN = (Path(__file__).parent / "harbour/plan.yaml").read_text(encoding="utf-8")
PEOPLE = """
ana: {name: Ana, email: ana@example.com, channels: {email: ana@example.com, webhook: "https://ana.example.com"}}
ben: {name: Ben, email: ben@example.com, channels: {email: ben@example.com}}
chloe: {name: Chloe, email: chloe@example.com, channels: {email: chloe@example.com}}
dara: {name: Dara, email: dara@example.com, channels: {email: dara@example.com}}
"""


class InlineStore(Store):
    """The production store without its threads: every write and read happens here and now."""

    async def write(self, job: Job[T], lane: Lane = Lane.ENGINE) -> T:
        return self.write_now(job)

    async def read(self, query: Callable[[Transaction], T]) -> T:
        return self.read_now(query)


@dataclass(frozen=True, slots=True)
class Page:
    """A message as a story expects it."""

    person: str
    channel: str = "email"


def page(person: str, channel: str = "email") -> Page:
    """The page a story expects."""
    return Page(person, channel)


@dataclass(slots=True)
class FakeChannel:
    """Records what it is given. `answer` says what becomes of each message; tests replace it."""

    name: str
    sent: list[tuple[datetime, str, Message]]
    clock: Callable[[], datetime]
    answer: Callable[[Message], Receipt] = lambda _message: Receipt(Outcome.ACCEPTED)
    at_once: int = limits.CHANNEL_MESSAGES

    async def send(self, message: Message) -> Receipt:
        self.sent.append((self.clock(), self.name, message))
        return self.answer(message)


@dataclass(slots=True)
class World:
    """See the module's own words."""

    url: str
    now: datetime = START
    plan: str = PLAN
    people: str = PEOPLE
    sent: list[tuple[datetime, str, Message]] = field(default_factory=list)
    expected: int = 0
    alarms: list[str] = field(default_factory=list)
    channels: dict[str, FakeChannel] = field(default_factory=dict)
    loop: asyncio.Runner = field(default_factory=asyncio.Runner)

    def __post_init__(self) -> None:
        self.channels = {
            name: FakeChannel(name, self.sent, lambda: self.now) for name in ("email", "webhook")
        }
        self.store = InlineStore(self.url)
        migrate(self.store.writing)
        self.apply_plan(self.plan)
        self.store.write_now(lambda tx: directory.replace_people(tx, read_people(self.people)))
        self.start()

    store: InlineStore = field(init=False)
    engine: Engine = field(init=False)
    intake: Intake = field(init=False)

    def start(self) -> None:
        """Build engine and intake over the store as it is, as a server does when it starts."""
        context = Context(
            node="node-1",
            channels=frozenset(self.channels),
            link=lambda bundle, person, _now: f"https://tocsin.example.com/a/{bundle}/{person}",
            sign_in_link=lambda _tx, person, _now: f"https://tocsin.example.com/sign-in/{person}",
        )
        self.engine = Engine(self.store, context, self.channels, lambda: self.now, self._changed)
        self.intake = Intake(self.store, lambda: None, context.watched)

    def _changed(self, applied: Applied) -> None:
        self.alarms += applied.alarms

    def run(self, awaited: Coroutine[Any, Any, T]) -> T:
        """Run to the end, now."""
        return self.loop.run(awaited)

    def apply_plan(self, text: str) -> None:
        """Put a plan in force."""
        files = {"plan.yaml": text}
        compile_files(files)
        self.store.write_now(lambda tx: plans.keep(tx, version_of(files), files, self.now))

    def alert(
        self,
        integration: str,
        summary: str,
        *,
        key: str = "",
        severity: str = "critical",
        action: str = "trigger",
        event_class: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        """A signal comes in, and everything that follows at once happens."""
        signal = Signal(
            AlertAction(action),
            key or summary,
            summary,
            AlertSeverity(severity),
            source=integration,
            event_class=event_class,
            details=details or {},
        )
        self.run(self.intake.accept([Received(integration, signal, self.now)]))
        self.settle()

    def clear(self, integration: str, summary: str) -> None:
        """The source says that the alert is over."""
        self.alert(integration, summary, action="resolve")

    def ask(self, person: str, command: commands.IncidentCommand, incident: str = "") -> Applied | Refused:
        """A person asks something of an incident (the only one, unless named)."""
        id = SubjectId(incident or self.incident().id)
        actor = Actor(ActorKind.PERSON, person)
        answer = self.run(self.engine.ask(id, commands.Asked(actor, command)))
        self.settle()
        return answer

    def acknowledge(self, person: str, incident: str = "") -> Applied | Refused:
        """A person takes the incident."""
        return self.ask(person, commands.Acknowledge("link"), incident)

    def resolve(self, person: str, reason: str = "fixed", incident: str = "") -> Applied | Refused:
        """A person says it is over."""
        return self.ask(person, commands.Resolve(reason), incident)

    def settle(self) -> None:
        """Turn all wheels until nothing is left to do at this instant."""
        self.run(self._settle())

    async def _settle(self) -> None:
        for _ in range(1_000):
            turns = (
                await self.engine.triage_once(),
                await self.engine.wake_once(),
                await self.engine.count_once(),
                await self.engine.send_once(),
            )
            await self.engine.sent()
            if not any(turns):
                return
        raise AssertionError("the wheels never come to rest")

    def advance(self, **length: float) -> None:
        """Let time pass, stopping wherever something is due."""
        end = self.now + timedelta(**length)
        while (at := self.run(self.engine.next_at())) is not None and at <= end:
            self.now = max(self.now, at)
            self.settle()
        self.now = end

    def expect(self, *pages: Page) -> None:
        """Exactly these messages have gone out since the last `expect`, in any order."""
        fresh = [Page(message.person, channel) for _, channel, message in self.sent[self.expected :]]
        self.expected = len(self.sent)
        assert sorted(map(str, fresh)) == sorted(map(str, pages)), f"sent {fresh}, expected {list(pages)}"

    def incidents(self) -> list[Incident]:
        """Every incident, the newest first."""
        listed = self.store.read_now(lambda tx: subjects.listing(tx, open_only=False, limit=1_000))
        return [one.state for one in listed]

    def incident(self) -> Incident:
        """The only incident."""
        (only,) = self.incidents()
        return only

    def timeline(self, incident: str = "") -> list[Recorded]:
        """Everything that happened to the incident."""
        id = incident or self.incident().id
        return self.store.read_now(lambda tx: subjects.history_of(tx, id))

    def close(self) -> None:
        """End; a message that no story named is a failure."""
        unexpected = [(channel, message.person) for _, channel, message in self.sent[self.expected :]]
        self.store.close()
        self.loop.close()
        assert not unexpected, f"nobody expected {unexpected}"
