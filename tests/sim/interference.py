"""Another node commits in the middle of a transaction, at whichever statement the seed says.

Everything runs on one thread, so no transaction can wait for another: what the other node would have to wait
for fails, as it does when a lock is not granted in time, and everything else happens as it would.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event

from tests.sim.cast import PEOPLE
from tests.sim.chance import Fault
from tests.sim.node import Node, SimCrash
from tocsin.core.incident import commands
from tocsin.core.model import Actor, ActorKind, SubjectId
from tocsin.engine import triage
from tocsin.engine.apply import apply
from tocsin.engine.wake import wake
from tocsin.store import alerts, prepared
from tocsin.store.database import past_sqlalchemy
from tocsin.store.errors import Conflict, StoreError
from tocsin.store.writer import Lane

if TYPE_CHECKING:
    from tests.sim.simulation import Simulation

WRITES = ("INSERT", "UPDATE", "DELETE")


def listen(run: Simulation, node: Node) -> None:
    """From now on other nodes may come between any two statements that this one writes with."""

    def between(statement: str) -> None:
        if statement.startswith(WRITES) and not run.interfering and run.chaos.strikes(Fault.INTERFERENCE):
            others = [one for one in run.awake() if one is not node]
            if others:
                run.interfering = True
                _interfere(run, run.chaos.random.choice(others))
                run.interfering = False

    @event.listens_for(node.store.writing, "before_cursor_execute")
    def heard(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        between(statement)

    _LISTENING[node.store.writing] = between


_LISTENING: WeakKeyDictionary[Engine, Callable[[str], None]] = WeakKeyDictionary()


def _past_sqlalchemy(connection: Connection, words: str) -> AbstractContextManager[Any]:
    """What is prepared runs on the driver's own cursor, of which SQLAlchemy's listeners hear nothing."""
    if (between := _LISTENING.get(connection.engine)) is not None:
        between(words)
    return past_sqlalchemy(connection, words)


for speaks_past in (alerts, prepared):
    vars(speaks_past)["past_sqlalchemy"] = _past_sqlalchemy


def _interfere(run: Simulation, other: Node) -> None:
    jobs = _jobs(run, other)
    if not jobs:
        return
    lane, job = run.chaos.random.choice(jobs)
    run.log.write(f"{other.name} comes between: {job.func.__name__}")
    # What it cannot have now it tries again later, as its own wheels would.
    with suppress(SimCrash, StoreError, Conflict):
        other.store.watched_now(job, lane)
        run.counts["interferences"] += 1


def _jobs(run: Simulation, other: Node) -> list[tuple[Lane, partial[Any]]]:
    now, context = run.clock(), other.engine.context
    found: list[tuple[Lane, partial[Any]]] = []
    for (incident,) in run.database.look("SELECT id FROM subjects WHERE status <> 'resolved' ORDER BY id"):
        who = Actor(ActorKind.PERSON, run.chaos.random.choice(PEOPLE))
        for command in (commands.Acknowledge("link"), commands.Resolve("fixed")):
            asked = commands.Asked(who, command)
            act = partial(apply, context=context, incident=SubjectId(incident), asked=asked, now=now)
            found.append((Lane.ACT, act))
        found.append((Lane.ENGINE, partial(wake, context=context, incident=SubjectId(incident), now=now)))
    for batch in other.store.read_now(triage.waiting):
        found.append((Lane.ENGINE, partial(triage.triage, context=context, batch=batch, now=now)))
    return found
