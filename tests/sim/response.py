"""What people do about incidents in a run: everything that may be asked, by whoever may ask it and others."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.sim import conditions
from tests.sim.asking import answered, ask, some_incident, some_node
from tests.sim.cast import PEOPLE
from tests.sim.clauses import ROLES
from tests.sim.ladders import AUDIENCES
from tests.sim.simulation import Simulation
from tocsin.core.incident import Incident, commands, deadlines
from tocsin.core.model import (
    Actor,
    ActorKind,
    FactId,
    LevelId,
    PersonId,
    RoleId,
    ServiceId,
    SubjectId,
    TeamId,
)
from tocsin.core.policy import Policy
from tocsin.engine.declare import Declared

WORK: tuple[commands.IncidentCommand, ...] = (
    commands.Verify(),
    commands.BeginMitigation(),
    commands.Mitigate("rolled back"),
    commands.FalsePositive("a test of ours"),
    commands.Close("all done"),
    commands.Reopen("it is back"),
    commands.Escalate("I need help"),
    commands.ExtendProgress("work goes on"),
    commands.MarkDone("task:1"),
)


def acknowledge(run: Simulation) -> None:
    """People take an incident, at the same moment, again, or when it is long over."""
    incident = some_incident(run)
    for _ in range(run.choice.choice((1, 1, 2, 3))):
        ask(run, incident, commands.Acknowledge(run.choice.choice(("link", "web", "api"))))
    run.run_ready()


def resolve(run: Simulation) -> None:
    """Somebody says that it is over."""
    ask(run, some_incident(run), commands.Resolve("fixed"))
    run.run_ready()


def work(run: Simulation) -> None:
    """People move an incident on: look, mitigate, find that there was nothing, close it, open it again."""
    incident = some_incident(run)
    for _ in range(run.choice.choice((1, 1, 2))):
        ask(run, incident, run.choice.choice(WORK))
    run.run_ready()


def put_on_record(run: Simulation) -> None:
    """Somebody writes something down, or says who may see it."""
    soon = run.clock() + timedelta(minutes=run.choice.choice((-1, 20, 60)))
    written: tuple[commands.IncidentCommand, ...] = (
        commands.AddNote(run.choice.choice(("looks like the database", ""))),
        commands.SetEstimate(soon, "a guess"),
        commands.Link(run.choice.choice(("INC-0", "https://tickets.example/1")), "the same trouble"),
        commands.Restrict((PersonId(run.choice.choice(PEOPLE)),)),
        commands.Restrict(teams=(TeamId("ops"),)),
        commands.Restrict(),
    )
    ask(run, some_incident(run), run.choice.choice(written))
    run.run_ready()


def set_level(run: Simulation) -> None:
    """Somebody says how bad it is."""
    level = LevelId(run.choice.choice(("L1", "L2", "L3", "L4", "L9")))
    ask(run, some_incident(run), commands.SetLevel(level, "we know more"))
    run.run_ready()


def post(run: Simulation) -> None:
    """Somebody tells an audience how it stands."""
    ask(run, some_incident(run), update(run.choice))
    run.run_ready()


def say_facts(run: Simulation) -> None:
    """Somebody says what is known, and may take it back."""
    ask(run, some_incident(run), facts(run.choice))
    run.run_ready()


def hand_roles(run: Simulation) -> None:
    """Roles are given and go from hand to hand, at times to somebody who may not have them."""
    incident, choice = some_incident(run), run.choice
    stream = run.streams.get(incident)
    for _ in range(choice.choice((1, 2))):
        command, who = role(choice, stream.incident if stream else None)
        ask(run, incident, command, who)
    run.run_ready()


def keep_promises(run: Simulation) -> None:
    """Somebody strikes off a task, or keeps a promise by hand: one that is due, kept or broken already."""
    incident = some_incident(run)
    stream = run.streams.get(incident)
    if stream is not None:
        ask(run, incident, commands.MarkDone(done(run.choice, stream.incident, stream.policy)))
        run.run_ready()


def open_by_hand(run: Simulation) -> None:
    """Somebody sees trouble that no source has told of."""
    if node := some_node(run):
        service = ServiceId(run.choice.choice(("service1", "service2", "service3")))
        said = facts(run.choice).facts if run.choice.random() < 0.3 else {}
        declared, who = Declared(service, "something is odd", facts=said), somebody(run.choice)
        run.start(answered(run, who, node.engine.declare(declared, who)))
        run.run_ready()


def repin(run: Simulation) -> None:
    """Somebody lets an incident go by the plan that is in force, while others ask of it."""
    node, incident = some_node(run), some_incident(run)
    if node is not None:
        who = somebody(run.choice)
        run.start(answered(run, who, node.engine.repin(SubjectId(incident), "", who)))
        ask(run, incident, commands.Acknowledge("web"))
        run.run_ready()


def change_the_plan(run: Simulation) -> None:
    """A next version of the plan comes into force, and open incidents go by it at once."""
    run.advance(0.001)
    run.apply_plan(next_version=True)
    repin(run)


def merge(run: Simulation) -> None:
    """Two incidents turn out to be one trouble; perhaps somebody merges them the other way round."""
    one, other = some_incident(run), some_incident(run)
    ask(run, one, commands.Merge(SubjectId(other)))
    if run.choice.random() < 0.3:
        ask(run, other, commands.Merge(SubjectId(one)))
        ask(run, one, commands.Acknowledge("web"))
    run.run_ready()


# What is asked, for whoever drives the core alone too.


def somebody(choice: random.Random) -> Actor:
    """One of the people."""
    return Actor(ActorKind.PERSON, choice.choice(PEOPLE))


def update(choice: random.Random) -> commands.PostUpdate:
    """Words for an audience, which the plan may not have."""
    return commands.PostUpdate(choice.choice(AUDIENCES), "We are at it.")


def facts(choice: random.Random) -> commands.SetFacts:
    """Something that is known, or not known any more."""
    said = conditions.said(choice)
    return commands.SetFacts({FactId(one): "" if choice.random() < 0.1 else said[one] for one in said})


def role(choice: random.Random, state: Incident | None) -> tuple[commands.IncidentCommand, Actor]:
    """Something about a role, mostly asked by whom it concerns."""
    name = RoleId(choice.choice(ROLES))
    one, other = PersonId(choice.choice(PEOPLE)), PersonId(choice.choice(PEOPLE))
    giver = state.roles.get(name, one) if state else one
    offered = next((each for each in state.hand_overs if choice.random() < 0.7), None) if state else None
    if offered is not None:
        who = choice.choice((offered.giver, offered.taker, one))
        return commands.ConfirmHandOver(offered.role), Actor(ActorKind.PERSON, who)
    if choice.random() < 0.5:
        return commands.Assign(name, other), Actor(ActorKind.PERSON, one)
    return commands.HandOver(name, giver, other), Actor(ActorKind.PERSON, choice.choice((giver, other, one)))


def done(choice: random.Random, state: Incident, policy: Policy) -> str:
    """A task or a promise that somebody may mark as done."""
    promised = [one.id for one in deadlines(state, policy) if one.id.startswith("promise:")]
    return choice.choice([*promised, *(one.id for one in state.tasks), "task:9"])
