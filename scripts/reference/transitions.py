"""transitions.md: what an incident does, found by asking `decide` itself about the demo plan."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from scripts.reference.assignments import documented
from scripts.reference.markdown import code, docstring, one_line, page, table
from tocsin.app.start import DEMO
from tocsin.core import history, model
from tocsin.core.facts import Fact, FactKind
from tocsin.core.incident import TRANSITIONS, Decision, Incident, Status, commands, deadlines, decide
from tocsin.core.incident.clock import carry_out
from tocsin.core.incident.draft import Draft
from tocsin.core.model import (
    SYSTEM,
    Actor,
    ActorKind,
    DeadlineState,
    FactId,
    LevelId,
    Outcome,
    PersonId,
    Receipt,
    Refused,
    RoleId,
    ServiceId,
    SubjectId,
)
from tocsin.core.policy import View
from tocsin.plan.people import PEOPLE_FILE, read_people
from tocsin.plan.read import compile_files, load_directory

OPENED = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a Monday night; ana is on call
ACKNOWLEDGED = OPENED + timedelta(minutes=1)
MITIGATED = RESOLVED = OPENED + timedelta(minutes=2)
ASKED = OPENED + timedelta(minutes=3)

INCIDENT = SubjectId("INC-20261123-001")
ANA = Actor(ActorKind.PERSON, "ana")
SOURCE = Actor(ActorKind.SOURCE, "prometheus")
ERROR_RATE = FactId("error_rate")
POLICY = replace(compile_files(load_directory(DEMO)), facts={ERROR_RATE: Fact(ERROR_RATE, FactKind.PERCENT)})
VIEW = View(
    {
        one.id: one.as_person(frozenset({"mailbox"}))
        for one in read_people((DEMO / PEOPLE_FILE).read_text(encoding="utf-8"))
    }
)
NOBODY_YET = "none yet"


def transitions_page() -> str:
    """States, commands, deadlines, events, effects and outcomes."""
    return page(
        "Transitions",
        "`src/tocsin/core/incident/`, by asking `decide` about the demo plan",
        "## Buttons",
        "What a person may ask for in which state. Pages, API and command line all go by this table.",
        table(("state", "allowed"), ((str(state), _allowed(state)) for state in Status)),
        "## Commands and states",
        "Everything that can be asked of an incident, and the answer in every state. The incident is a P2 of"
        " the demo plan with one alert; ana is on call, and it is she who acknowledges and resolves.",
        table(("command", NOBODY_YET, *map(str, _states("P2"))), _answers()),
        "A refusal changes nothing. Its sentence is what the person who asked reads.",
        "## Deadlines",
        "Every promise is a deadline of this list, derived from state and plan. Here those of a P1 of the"
        " demo plan, counted from when it opened; ana acknowledges after one minute, resolves after two.",
        table(("state", "deadline", "promise", "due after", "when it comes"), _deadlines()),
        "## Events",
        "What is stored, in the order in which it happened. An incident's state is folded from these alone.",
        table(("event", "version", "meaning", "holds"), _events()),
        "## Effects",
        "What a decision asks the engine to carry out, in the same transaction.",
        table(("effect", "meaning"), _of_union(model.Effect)),
        "## Outcomes",
        docstring(Outcome),
        table(("outcome", "meaning"), _outcomes()),
    )


def _allowed(state: Status) -> str:
    return ", ".join(TRANSITIONS[state].values()) or "nothing"


def _states(level: str) -> dict[Status, Incident]:
    """An incident of the level in each state, made by `decide`."""
    triggered = _done(None, SOURCE, _join(1, level), OPENED)
    acknowledged = _done(triggered, ANA, commands.Acknowledge("link"), ACKNOWLEDGED)
    resolved = _done(acknowledged, ANA, commands.Resolve("rolled back"), RESOLVED)
    return {
        Status.TRIGGERED: triggered,
        Status.ACKNOWLEDGED: acknowledged,
        Status.MITIGATED: _done(acknowledged, ANA, commands.Mitigate("rolled back"), MITIGATED),
        Status.RESOLVED: resolved,
        Status.CLOSED: _done(resolved, ANA, commands.Close("all done"), RESOLVED),
        Status.MERGED: _done(triggered, ANA, commands.Merge(SubjectId("INC-20261123-002")), RESOLVED),
    }


def _join(count: int, level: str) -> commands.JoinAlerts:
    return commands.JoinAlerts(
        INCIDENT, ServiceId("checkout"), count, ("Checkout is down",), LevelId(level), "the plan says so"
    )


def _done(
    before: Incident | None, actor: Actor, command: commands.IncidentCommand, now: datetime
) -> Incident:
    decision = decide(before, commands.Asked(actor, command), POLICY, VIEW, now)
    assert isinstance(decision, Decision), decision
    return decision.state


def _other() -> Incident:
    """Another P2, of which nobody was paged."""
    opened = _done(None, SOURCE, _join(1, "P2"), OPENED)
    return replace(opened, id=SubjectId("INC-20261123-002"), pages=())


def _settle(outcome: Outcome) -> commands.Settle:
    return commands.Settle(1, 0, PersonId("ana"), "mailbox", 1, Receipt(outcome))


def _samples() -> Iterator[tuple[str, Actor, commands.IncidentCommand]]:
    """At least one of each class of command; a new class without a sample fails here."""
    samples: list[tuple[str, Actor, commands.IncidentCommand]] = [
        ("at the same level", SOURCE, _join(1, "P2")),
        ("at a worse level", SOURCE, _join(1, "P1")),
        ("by ana", ANA, commands.Declare(INCIDENT, ServiceId("checkout"), "Orders hang", "", LevelId("P2"))),
        ("the last one", SOURCE, commands.ClearAlerts(1, ("Checkout is down",))),
        ("by ana", ANA, commands.Acknowledge("link")),
        ("by ana", ANA, commands.Verify()),
        ("by ana", ANA, commands.BeginMitigation()),
        ("by ana", ANA, commands.Mitigate("rolled back")),
        ("by ana", ANA, commands.Resolve("rolled back")),
        ("by ana", ANA, commands.FalsePositive("a test of ours")),
        ("by ana", ANA, commands.Reopen("it is back")),
        ("by ana", ANA, commands.Close("all done")),
        ("by ana", ANA, commands.Escalate("I need help")),
        ("by ana", ANA, commands.ExtendProgress("the restore goes on")),
        ("lower", ANA, commands.SetLevel(LevelId("P3"), "few are affected")),
        ("to an audience that there is not", ANA, commands.PostUpdate("inside", "The restore goes on.")),
        ("a role that there is not", ANA, commands.Assign(RoleId("Commander"), PersonId("ben"))),
        (
            "a role that there is not",
            ANA,
            commands.HandOver(RoleId("Commander"), PersonId("ana"), PersonId("ben")),
        ),
        ("by ana", ANA, commands.ConfirmHandOver(RoleId("Commander"))),
        ("a task that there is not", ANA, commands.MarkDone("task:1")),
        ("by ana", ANA, commands.SetFacts({ERROR_RATE: "25%"})),
        ("by ana", ANA, commands.Merge(SubjectId("INC-20261123-002"))),
        ("with nobody to page", ANA, commands.Absorb(_other(), POLICY)),
        ("the version it has", ANA, commands.Repin(POLICY)),
        ("by ana", ANA, commands.AddNote("Looks like the database.")),
        ("by ana", ANA, commands.SetEstimate(OPENED + timedelta(hours=1), "the restore takes an hour")),
        ("by ana", ANA, commands.Link("OPS-12", "the ticket")),
        ("to ana", ANA, commands.Restrict((PersonId("ana"),))),
        ("accepted", SYSTEM, _settle(Outcome.ACCEPTED)),
        ("unknown", SYSTEM, _settle(Outcome.UNKNOWN)),
        ("failed", SYSTEM, _settle(Outcome.FAILED)),
    ]
    lacking = set(get_args(commands.IncidentCommand)) - {type(command) for _, _, command in samples}
    assert not lacking, f"scripts/reference/transitions.py has no sample of {lacking}"
    yield from samples


def _answers() -> Iterator[tuple[str, ...]]:
    states: list[Incident | None] = [None, *_states("P2").values()]
    for words, actor, command in _samples():
        asked = commands.Asked(actor, command)
        answers = [_answer(decide(state, asked, POLICY, VIEW, ASKED), state) for state in states]
        yield f"{code(type(command).__name__)}<br>{words}", *answers


def _answer(answer: Decision | Refused, before: Incident | None) -> str:
    if isinstance(answer, Refused):
        return f"refused: “{answer.reason}”"
    names = ", ".join(type(one.event).__name__ for one in answer.events)
    if before is None or answer.state.status is not before.status:
        return f"**{answer.state.status}**<br>{names}"
    return names


def _deadlines() -> Iterator[tuple[str, ...]]:
    for status, state in _states("P1").items():
        for one in deadlines(state, POLICY):
            after = _minutes(one.due_at - OPENED)
            if one.state is not DeadlineState.DUE:
                yield str(status), code(one.id), one.promise, after, f"is {one.state}"
                continue
            draft = Draft(state, POLICY, VIEW, one.due_at)
            carry_out(draft, one)
            yield str(status), code(one.id), one.promise, after, _answer(draft.decision, state)


def _minutes(length: timedelta) -> str:
    return f"{length // timedelta(minutes=1)} min"


def _events() -> Iterator[tuple[str, ...]]:
    for name, event_class in history.EVENT_CLASSES.items():
        held = ", ".join(code(one.name) for one in fields(event_class))
        yield code(name), str(history.version(name)), one_line(docstring(event_class)), held


def _of_union(union: Any) -> Iterator[tuple[str, str]]:
    for one in get_args(union):
        words = one_line(docstring(one)).removeprefix("Effect: ")
        yield code(one.__name__), words[:1].upper() + words[1:]


def _outcomes() -> Iterator[tuple[str, str]]:
    tree = ast.parse(inspect.getsource(Outcome)).body[0]
    assert isinstance(tree, ast.ClassDef)
    for one in documented(tree.body):
        yield code(str(Outcome[one.names[0]])), one.words
