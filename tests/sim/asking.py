"""How people in a run ask something of an incident, through whichever server answers."""

from __future__ import annotations

from collections.abc import Awaitable

from tests.sim.cast import PEOPLE
from tests.sim.checks import open_incidents
from tests.sim.node import Node, SimCrash
from tests.sim.simulation import Simulation
from tocsin.core.incident import commands
from tocsin.core.model import Actor, ActorKind, Refused, SubjectId
from tocsin.engine.apply import Applied
from tocsin.engine.declare import PassedOn
from tocsin.store.errors import StoreError


def some_node(run: Simulation) -> Node | None:
    """A server that answers, if any does."""
    awake = run.awake()
    return run.choice.choice(awake) if awake else None


def some_incident(run: Simulation) -> str:
    """Mostly one that is open."""
    opened = [one.id for one in open_incidents(run)]
    known = opened if opened and run.choice.random() < 0.8 else list(run.streams)
    return run.choice.choice(known) if known else "INC-0"


def ask(run: Simulation, incident: str, command: commands.IncidentCommand, who: Actor | None = None) -> None:
    """Somebody asks; what comes of it is seen later."""
    node = some_node(run)
    who = who or Actor(ActorKind.PERSON, run.choice.choice(PEOPLE))
    if node is not None:
        run.start(_asked(run, node, incident, commands.Asked(who, command)))


async def _asked(run: Simulation, node: Node, incident: str, asked: commands.Asked) -> None:
    run.log.write(f"{run.loop.micros} {asked.actor} asks {type(asked.command).__name__} of {incident}")
    await answered(run, asked.actor, node.engine.ask(SubjectId(incident), asked))


async def answered(run: Simulation, who: Actor, asking: Awaitable[Applied | PassedOn | Refused]) -> None:
    """What was decided is promised to whoever hears of it."""
    try:
        answer = await asking
    except (SimCrash, StoreError) as failed:
        run.log.write(f"{who} hears nothing: {type(failed).__name__}")
        return
    if isinstance(answer, Refused):
        run.log.write(f"{who} is refused: {answer.reason}")
        return
    run.counts["asked"] += 1
    for one in answer.applied if isinstance(answer, PassedOn) else (answer,):
        run.promised[one.incident] = max(run.promised.get(one.incident, 0), one.version)
