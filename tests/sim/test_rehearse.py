"""Any plan, any script: a rehearsal ends, is the same each time, and keeps the rules of a real incident.

TOCSIN_EXAMPLES=10000 makes a long run of it, each time with other examples.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.cast import CHANNELS, PEOPLE, STRANGER, people
from tests.sim.clauses import SEVERITIES
from tests.sim.incident_rules import EVENT_RULES
from tests.sim.plans import plan
from tests.sim.stream import Stream
from tocsin.core.expectations import Is, Paged, Stands, Unreached, When, Within, failures
from tocsin.core.incident import Status, commands, events, fold_all, next_due
from tocsin.core.model import AlertAction, AlertSeverity, DeadlineState, LevelId, PersonId, ServiceId, Signal
from tocsin.core.policy import Policy, View
from tocsin.core.rehearse import Act, Arrive, Ask, Clear, Open, Rehearsal, Scenario, Switch, rehearse
from tocsin.plan.read import compile_files

EXAMPLES = int(os.environ.get("TOCSIN_EXAMPLES", "0"))
WAITS = (0, 1, 60, 120, 300, 599, 900, 1_800, 7_200)


def script(chance: random.Random, policy: Policy) -> tuple[Act, ...]:
    """An opening, and whatever comes to mind."""
    acts: list[Act] = [Open(timedelta(0), LevelId(chance.choice(policy.levels).id))]
    if chance.random() < 0.5:
        acts = [_alert(chance, timedelta(0))]
    return (*acts, *(_act(chance) for _ in range(chance.randint(0, 12))))


def _act(chance: random.Random) -> Act:
    at = timedelta(seconds=chance.choice(WAITS) + chance.choice(WAITS))
    somebody = PersonId(chance.choice((*PEOPLE, STRANGER)))
    match chance.randint(0, 4):
        case 0:
            return _alert(chance, at)
        case 1:
            return Clear(at)
        case 2:
            person = somebody if chance.random() < 0.5 else None
            return Switch(at, chance.choice(CHANNELS), chance.random() < 0.4, person)
        case 3 if chance.random() < 0.2:
            return Ask(at, commands.Resolve("it is repaired"), somebody)
        case _:
            return Ask(at, commands.Acknowledge("link"), somebody if chance.random() < 0.6 else None)


def _alert(chance: random.Random, at: timedelta) -> Arrive:
    severity = AlertSeverity(chance.choice(SEVERITIES))
    return Arrive(at, Signal(AlertAction.TRIGGER, "down", "down", severity, source="uptime"))


def play(seed: int) -> Rehearsal:
    chance = random.Random(seed)
    policy = compile_files({"plan.yaml": plan(chance, 1, slow=False)})
    known = [one.as_person(frozenset(CHANNELS)) for one in people(chance, slow=False)]
    scenario = Scenario(
        datetime(2026, 3, 27, tzinfo=UTC) + timedelta(minutes=seed % 10_000),
        timedelta(seconds=chance.choice((600, 7_200, 86_400))),
        ServiceId("service1"),
        script(chance, policy),
        timedelta(seconds=chance.choice(WAITS)) if chance.random() < 0.4 else None,
    )
    return rehearse(policy, View({one.id: one for one in known}, policy.rotas), scenario)


@settings(max_examples=EXAMPLES or 60, deadline=None, derandomize=not EXAMPLES)
@given(seed=st.integers(0, 10_000_000))
def test_a_rehearsal_keeps_the_rules_of_a_real_incident(seed: int) -> None:
    rehearsal = play(seed)
    assert rehearsal == play(seed)
    if rehearsal.state is None:
        assert rehearsal.turned
        return
    stream = Stream(rehearsal.state.id, rehearsal.policy)
    for one in rehearsal.recorded:
        for each in EVENT_RULES:
            assert list(each(stream, one)) == []
        stream.take(one)
    assert fold_all(rehearsal.recorded) == rehearsal.state
    due = next_due(rehearsal.state, rehearsal.policy)
    assert due is None or due > rehearsal.ends
    assert all(one.reason.endswith(".") for one in rehearsal.turned)
    sent = [one.event.key for one in rehearsal.recorded if isinstance(one.event, events.RingSent)]
    told = [one.message.key for one in rehearsal.sent]
    assert len(told) == len(set(told))
    assert {one.message.key for one in rehearsal.sent if one.pages} <= set(sent)


@settings(max_examples=EXAMPLES or 30, deadline=None, derandomize=not EXAMPLES)
@given(seed=st.integers(0, 10_000_000))
def test_what_is_expected_holds_or_its_opposite_does(seed: int) -> None:
    rehearsal = play(seed)
    chance = random.Random(seed)
    when = When(chance.choice(list(Within)), timedelta(seconds=chance.choice(WAITS)))
    person = (PersonId(chance.choice(PEOPLE)),)
    for expected, opposite in (
        (Paged(person, when), Paged(person, when, never=True)),
        (Unreached(happens=True), Unreached(happens=False)),
    ):
        held = [not list(failures(rehearsal, one)) for one in (expected, opposite)]
        assert sorted(held) == [False, True]
    for promise in rehearsal.promises:
        assert list(failures(rehearsal, Stands(promise.id, promise.state))) == []
    for what in (*Status, *(level.id for level in rehearsal.policy.levels)):
        found = list(failures(rehearsal, Is(what)))
        state = rehearsal.state
        assert (found == []) == (state is not None and what in (state.status, state.level))
    assert list(failures(rehearsal, Stands("no such promise", DeadlineState.KEPT))) != []
