"""What a rehearsal says is what a server does.

A script of chance is played twice with each plan that Tocsin brings: by `rehearse`, and by a whole server in
virtual time. Alerts come and are over. People, half of them with rules of their own for how they are told,
ask for whatever comes to mind, if they may see the incident. Both times the same people are told by the same
channels at the same instants, and the incident and its promises end alike.

A rehearsal plays one incident, so an alert that would open another when this one is over is left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.world import FakeChannel, World
from tocsin.core.directory import Contact
from tocsin.core.facts import FactKind
from tocsin.core.incident import Incident, commands, deadlines
from tocsin.core.incident.visibility import may_see
from tocsin.core.model import AlertAction, AlertSeverity, FactId, PersonId, RoleId, Signal
from tocsin.core.policy import NotifyRule, View
from tocsin.core.rehearse import Arrive, Ask, Clear, Scenario, rehearse
from tocsin.plan.files import load_directory
from tocsin.plan.people import PEOPLE_FILE, read_people
from tocsin.plan.read import compile_files, version_of
from tocsin.store import directory, plans
from tocsin.store.alerts import Received

PLANS = sorted(path.parent for path in Path(__file__).parents[2].glob("plans/*/plan.yaml"))
PAUSES = (0, 1, 61, 300, 420, 900, 1_800, 3_600)
VALUES = {
    FactKind.NUMBER: ("0", "2", "1000"),
    FactKind.PERCENT: ("1%", "12%", "80%"),
    FactKind.DURATION: ("400ms", "10s", "5m"),
    FactKind.YES_OR_NO: ("yes", "no"),
    FactKind.TEXT: ("the harbour",),
}

Act = Arrive | Ask | Clear


@dataclass(frozen=True)
class Outcome:
    """When who was told by which channel; how the incident ends, and each promise with it."""

    told: frozenset[tuple[datetime, PersonId, str]]
    ends: tuple[str, ...]
    promises: frozenset[tuple[str, datetime, str]]


class Trial:
    """A plan, its people, and what happens to them: the same for the same seed."""

    def __init__(self, plan: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.files: Mapping[str, str] = load_directory(plan)
        self.policy = compile_files(self.files)
        contacts = read_people((plan / PEOPLE_FILE).read_text(encoding="utf-8"))
        self.people = [self._perhaps_with_rules(one) for one in contacts]
        self.source = self.chance.choice(list(self.policy.integrations))
        self.starts = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=self.chance.randint(0, 20_000))
        self.acts = tuple(self._acts())
        self.ends = self.starts + self.acts[-1].at + timedelta(hours=1)

    def rehearsed(self, view: View) -> Outcome:
        """What a rehearsal says."""
        service = self.policy.service_of(self.source)
        scenario = Scenario(self.starts, self.ends - self.starts, service, self.acts)
        rehearsal = rehearse(self.policy, view, scenario)
        assert rehearsal.state is not None
        told = ((one.at, one.message.person, one.message.channel) for one in rehearsal.sent)
        return self._outcome(told, rehearsal.state)

    def served(self, url: str) -> Outcome:
        """What a server does."""
        world = World(url, now=self.starts)
        world.store.write_now(lambda tx: plans.keep(tx, version_of(self.files), self.files, self.starts))
        world.store.write_now(lambda tx: directory.replace_people(tx, self.people))
        names = {name for one in self.people for name in one.channels}
        world.channels = {name: FakeChannel(name, world.sent, lambda: world.now) for name in names}
        world.start()
        for act in self.acts:
            world.advance(seconds=(self.starts + act.at - world.now).total_seconds())
            self._carry_out(world, act)
        world.advance(seconds=(self.ends - world.now).total_seconds())
        told = ((at, message.person, channel) for at, channel, message in world.sent)
        outcome = self._outcome(told, world.incident())
        world.expected = len(world.sent)
        world.close()
        return outcome

    @property
    def view(self) -> View:
        """As the server sees its people."""
        known = [one.as_person(frozenset(one.channels)) for one in self.people]
        return View({one.id: one for one in known}, self.policy.rotas)

    def _carry_out(self, world: World, act: Act) -> None:
        match act:
            case Arrive(signal=signal):
                if not any(one.status.over for one in world.incidents()):
                    self._send(world, signal)
            case Clear():
                for come in [one for one in self.acts if isinstance(one, Arrive) and one.at <= act.at]:
                    self._send(world, replace(come.signal, action=AlertAction.RESOLVE))
            case Ask(command=command, by=str() as by):
                if may_see(world.incident(), by, self.policy, self.view, world.now):
                    world.ask(by, command)

    def _send(self, world: World, signal: Signal) -> None:
        world.run(world.intake.accept([Received(self.source, signal, world.now)]))
        world.settle()

    def _outcome(self, told: Iterator[tuple[datetime, PersonId, str]], state: Incident) -> Outcome:
        stand = {(one.promise, one.due_at, one.state.value) for one in deadlines(state, self.policy)}
        return Outcome(frozenset(told), (state.status, state.level), frozenset(stand))

    def _perhaps_with_rules(self, contact: Contact) -> Contact:
        channels = tuple(contact.channels)
        soon = NotifyRule(timedelta(seconds=self.chance.choice((0, 30))), (self.chance.choice(channels),))
        later = NotifyRule(timedelta(minutes=self.chance.randint(1, 4)), channels)
        return replace(contact, rules=(soon, later)) if self.chance.random() < 0.5 else contact

    def _acts(self) -> Iterator[Act]:
        at = timedelta(0)
        yield self._alert(at)
        for _ in range(self.chance.randint(2, 7)):
            at += timedelta(seconds=self.chance.choice(PAUSES))
            asked = Ask(at, self._command(), self._somebody())
            yield self.chance.choices((self._alert(at), Clear(at), asked), (2, 1, 7))[0]

    def _alert(self, at: timedelta) -> Arrive:
        key, severity = str(self.chance.random()), self.chance.choice(list(AlertSeverity))
        facts = {str(id): value for id, value in self._facts().items()}
        return Arrive(at, Signal(AlertAction.TRIGGER, key, "down", severity, self.source, details=facts))

    def _facts(self) -> dict[FactId, str]:
        said = [one for one in self.policy.facts.values() if not one.derived and self.chance.random() < 0.3]
        return {one.id: self.chance.choice(one.values or VALUES[one.kind]) for one in said}

    def _somebody(self) -> PersonId:
        return self.chance.choice(self.people).id

    def _command(self) -> commands.IncidentCommand:
        pick = self.chance.choice
        audiences = [one.audience for level in self.policy.levels for one in level.updates]
        possible: list[commands.IncidentCommand] = [
            *[commands.Acknowledge("link")] * 4,
            commands.Verify(),
            commands.BeginMitigation(),
            commands.Mitigate("rolled back"),
            commands.Resolve("restarted"),
            commands.Reopen("the errors are back"),
            commands.Close("all is done"),
            commands.FalsePositive("a test of the probe"),
            commands.Escalate("it is spreading"),
            commands.ExtendProgress("the restore goes on"),
            commands.MarkDone("task:1"),
            commands.AddNote("a disk is full"),
            commands.SetFacts(self._facts()),
            commands.SetLevel(pick(self.policy.levels).id, "so it seems"),
            commands.PostUpdate(pick(audiences), "we are at it"),
            commands.Assign(pick([*self.policy.roles, RoleId("nobody's")]), self._somebody()),
            commands.Restrict((self._somebody(),)),
        ]
        return pick(possible)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
@pytest.mark.parametrize("seed", range(4))
def test_a_rehearsal_says_what_a_server_does(plan: Path, seed: int, tmp_path: Path) -> None:
    trial = Trial(plan, seed)
    assert trial.served(f"sqlite:///{tmp_path}/tocsin.db") == trial.rehearsed(trial.view)


@pytest.mark.parametrize("plan", PLANS[:2], ids=lambda plan: plan.name)
def test_a_rehearsal_says_what_a_server_on_postgresql_does(plan: Path, postgres_url: str) -> None:
    trial = Trial(plan, seed=4)
    assert trial.served(postgres_url) == trial.rehearsed(trial.view)


def test_a_rehearsal_that_forgets_the_rules_of_people_is_found_out(tmp_path: Path) -> None:
    trial = Trial(PLANS[0], seed=0)
    served = trial.served(f"sqlite:///{tmp_path}/tocsin.db")
    forgetful = replace(
        trial.view, people={id: replace(one, rules=()) for id, one in trial.view.people.items()}
    )
    assert served == trial.rehearsed(trial.view)
    assert served.told != trial.rehearsed(forgetful).told
