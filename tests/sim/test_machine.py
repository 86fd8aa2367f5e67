"""The pure core alone, asked anything in any order: it decides or refuses with a reason, and is consistent.

TOCSIN_EXAMPLES=10000 makes a long run of it, each time with other examples.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.core.trial import clock_on
from tests.sim import response
from tests.sim.cast import CHANNELS, PEOPLE, STRANGER, people, person
from tests.sim.due_rules import no_broken_promise_slips_away, nothing_promised_is_left, overdue
from tests.sim.incident_rules import (
    EVENT_RULES,
    Row,
    a_refusal_moves_the_path_on,
    an_answer_ends_what_it_answers,
    the_due_time_is_the_next_deadline,
    the_snapshot_is_the_fold,
    the_unanswered_have_a_live_timer,
)
from tests.sim.plan_rules import thresholds_are_where_they_should_be, what_holds_has_fired
from tests.sim.plans import plan
from tests.sim.response import WORK
from tests.sim.stream import Stream
from tocsin.core.directory import Contact
from tocsin.core.incident import Decision, Incident, commands, deadlines, decide, events, fold_all, next_due
from tocsin.core.incident.events import Recorded
from tocsin.core.model import (
    SYSTEM,
    Actor,
    ActorKind,
    DeadlineState,
    LevelId,
    Outcome,
    Receipt,
    Refused,
    ServiceId,
    SubjectId,
)
from tocsin.core.policy import View
from tocsin.plan.read import compile_files

INCIDENT = SubjectId("INC-1")
SOURCE = Actor(ActorKind.SOURCE, "prometheus")
EXAMPLES = int(os.environ.get("TOCSIN_EXAMPLES", "0"))
WAKES_MAX = 200

numbers = st.integers(0, 1_000_000)
waits = st.sampled_from((0, 1, 30, 60, 119, 120, 300, 900, 3_600, 86_400))
names = st.sampled_from((*PEOPLE, STRANGER))
outcomes = st.sampled_from(Outcome)


class Core(RuleBasedStateMachine):
    """One incident, its plan and its people."""

    @initialize(seed=numbers)
    def begin(self, seed: int) -> None:
        chance = random.Random(seed)
        self.shape = seed
        self.policy = compile_files({"plan.yaml": plan(random.Random(seed), 1, slow=False)})
        self.contacts: dict[str, Contact] = {one.id: one for one in people(chance, slow=False)}
        self.now = datetime(2026, 3, 27, tzinfo=UTC) + timedelta(minutes=seed)
        self.state: Incident | None = None
        self.recorded: list[Recorded] = []
        self.stream = Stream(INCIDENT, self.policy)
        self.sent: list[tuple[events.RingSent, int]] = []

    def ask(self, actor: Actor, command: commands.IncidentCommand) -> Decision | Refused:
        """Ask, see that asking twice gives the same answer, and go on from a decision."""
        now = (self.policy, self.view(), self.now)
        asked = commands.Asked(actor, command)
        answer = decide(self.state, asked, *now)
        assert answer == decide(self.state, asked, *now), "decide is not pure"
        if isinstance(command, commands.Repin) and isinstance(answer, Decision):
            self.policy = command.policy
        return self.took(answer)

    def clock(self, deadline: str) -> Decision | Refused:
        """The clock carries out one deadline, if it has come."""
        return self.took(clock_on(self.state, deadline, self.policy, self.view(), self.now))

    def view(self) -> View:
        """Who there is now."""
        return View({one.id: one.as_person(frozenset(CHANNELS)) for one in self.contacts.values()})

    def took(self, answer: Decision | Refused) -> Decision | Refused:
        """Go on from a decision, by every rule."""
        if isinstance(answer, Refused):
            assert answer.reason.endswith("."), answer
            return answer
        self.state = answer.state
        for one in answer.events:
            for each in EVENT_RULES:
                assert list(each(self.stream, one)) == []
            late = overdue(self.stream, one.at)
            self.stream.take(one)
            if isinstance(one.event, events.Repinned):
                self.stream.goes_by(self.policy)
            assert list(no_broken_promise_slips_away(late, self.stream)) == []
            if isinstance(one.event, events.RingSent):
                self.sent.append((one.event, 0))
        self.recorded += answer.events
        return answer

    @rule(level=numbers, count=st.integers(1, 3))
    def join(self, level: int, count: int) -> None:
        chosen = self.policy.levels[level % len(self.policy.levels)]
        count = count if self.state is None else count - 1
        sample = tuple(f"alert {number}" for number in range(count))
        command = commands.JoinAlerts(INCIDENT, ServiceId("web"), count, sample, chosen.id, "a test says so")
        answer = self.ask(SOURCE, command)
        assert isinstance(answer, Refused) == (self.state is not None and self.over())

    @precondition(lambda self: self.state is not None and self.state.alerts_open > 0)
    @rule()
    def clear_one(self) -> None:
        self.ask(SOURCE, commands.ClearAlerts(1, ("over",)))

    @rule(name=names)
    def acknowledge(self, name: str) -> None:
        answer = self.ask(Actor(ActorKind.PERSON, name), commands.Acknowledge("link"))
        if isinstance(answer, Decision):
            assert all(page.person != name for page in answer.state.pages), f"{name} has a page still"

    @rule()
    def acknowledge_at_the_source(self) -> None:
        self.ask(SOURCE, commands.Acknowledge("source"))

    @rule(name=names)
    def resolve(self, name: str) -> None:
        answer = self.ask(Actor(ActorKind.PERSON, name), commands.Resolve("fixed"))
        assert isinstance(answer, Decision) or self.state is None or self.over()

    @rule(name=names, command=st.sampled_from(WORK))
    def work(self, name: str, command: commands.IncidentCommand) -> None:
        self.ask(Actor(ActorKind.PERSON, name), command)

    @rule(name=names, number=numbers)
    def set_level(self, name: str, number: int) -> None:
        level = self.policy.levels[number % len(self.policy.levels)].id
        self.ask(Actor(ActorKind.PERSON, name), commands.SetLevel(level, "we know more"))

    @rule(seed=numbers)
    def say_facts(self, seed: int) -> None:
        self.ask(response.somebody(random.Random(seed)), response.facts(random.Random(seed)))

    @rule(seed=numbers)
    def post(self, seed: int) -> None:
        self.ask(response.somebody(random.Random(seed)), response.update(random.Random(seed)))

    @rule(seed=numbers)
    def hand_roles(self, seed: int) -> None:
        command, who = response.role(random.Random(seed), self.state)
        self.ask(who, command)

    @precondition(lambda self: self.state is not None)
    @rule(seed=numbers)
    def keep_promises(self, seed: int) -> None:
        assert self.state is not None
        chance = random.Random(seed)
        self.ask(response.somebody(chance), commands.MarkDone(response.done(chance, self.state, self.policy)))

    @rule(seed=numbers)
    def goes_by_the_next_version(self, seed: int) -> None:
        text = plan(random.Random(self.shape), 2, slow=False, change=random.Random(seed))
        command = commands.Repin(compile_files({"plan.yaml": text}))
        self.ask(response.somebody(random.Random(seed)), command)

    @rule(name=names, minutes=st.integers(-5, 60))
    def estimate(self, name: str, minutes: int) -> None:
        expected_at = self.now + timedelta(minutes=minutes)
        self.ask(Actor(ActorKind.PERSON, name), commands.SetEstimate(expected_at, "a guess"))

    @precondition(lambda self: bool(self.sent))
    @rule(number=numbers, outcome=outcomes)
    def settle(self, number: int, outcome: Outcome) -> None:
        ring, tries = self.sent.pop(number % len(self.sent))
        receipt = Receipt(outcome, "a test says so")
        self.ask(
            SYSTEM,
            commands.Settle(ring.page, ring.ring, ring.person, ring.channel, tries + 1, receipt),
        )
        if outcome in (Outcome.UNKNOWN, Outcome.RETRYING):
            self.sent.append((ring, tries + 1))

    @rule(seconds=waits)
    def time_passes_and_the_clock_wakes(self, seconds: int) -> None:
        end = self.now + timedelta(seconds=seconds)
        for _ in range(WAKES_MAX):
            at = self.due_at()
            if at is None or at > end:
                break
            self.now = max(self.now, at)
            self.wake()
        self.now = max(self.now, end)

    @rule(seconds=waits)
    def the_engine_stands_still(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from((1, 60, 3_600)))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.now -= timedelta(seconds=seconds)

    @rule(word=st.text(alphabet="acknowledge:ringstep0123456789", max_size=12), number=numbers)
    def ask_for_any_deadline(self, word: str, number: int) -> None:
        promised = deadlines(self.state, self.policy) if self.state else ()
        due = [one.id for one in promised if one.state is DeadlineState.DUE and one.due_at <= self.now]
        # What is due is carried out in order, as the engine does; all else must be refused.
        others = [word, *(one.id for one in promised if one.id not in due)]
        chosen = due[0] if due and number % 3 else others[number % len(others)]
        assert isinstance(self.clock(chosen), Decision) == (chosen in due)

    @rule(name=names, seed=numbers)
    def somebody_leaves_or_comes_back(self, name: str, seed: int) -> None:
        if name == STRANGER or self.contacts.pop(name, None) is None:
            back = PEOPLE[0] if name == STRANGER else name
            self.contacts[back] = person(random.Random(seed), back, slow=False)

    @invariant()
    def everything_agrees(self) -> None:
        """Fold, snapshot, deadlines and timers."""
        if getattr(self, "state", None) is None:
            return
        state = self.state
        assert state is not None
        assert state == fold_all(self.recorded)
        promised = deadlines(state, self.policy)
        assert list(promised) == sorted(promised, key=lambda one: one.due_at)
        assert len({one.id for one in promised}) == len(promised)
        row = Row(INCIDENT, len(self.recorded), self.due_at(), None, "", state)
        for each in (
            the_snapshot_is_the_fold,
            the_due_time_is_the_next_deadline,
            the_unanswered_have_a_live_timer,
            an_answer_ends_what_it_answers,
            a_refusal_moves_the_path_on,
            what_holds_has_fired,
            thresholds_are_where_they_should_be,
        ):
            assert list(each(self.stream, row)) == []
        assert LevelId(state.level) in {one.id for one in self.policy.levels}

    def over(self) -> bool:
        """Whether the incident is over."""
        return self.state is not None and self.state.status.over

    def due_at(self) -> datetime | None:
        """When the clock must look at it again."""
        return None if self.state is None else next_due(self.state, self.policy)

    def wake(self) -> None:
        """Carry out whatever is due by now, as the engine does."""
        for _ in range(WAKES_MAX):
            assert self.state is not None
            due = [
                one.id
                for one in deadlines(self.state, self.policy)
                if one.state is DeadlineState.DUE and one.due_at <= self.now
            ]
            if not due:
                assert list(nothing_promised_is_left(self.stream, self.now)) == []
                return
            assert isinstance(self.clock(due[0]), Decision)
        raise AssertionError("deadlines are never used up")


Core.TestCase.settings = settings(
    max_examples=EXAMPLES or 60, stateful_step_count=50, deadline=None, derandomize=not EXAMPLES
)
TestCore = Core.TestCase
