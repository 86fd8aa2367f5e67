"""Two nodes at the same alerts: what one has taken meanwhile is not taken again by the other."""

from __future__ import annotations

from functools import partial

from tests.support.world import World
from tocsin.core.model import AlertAction, AlertSeverity, Signal
from tocsin.engine import triage
from tocsin.engine.triage import Batch
from tocsin.store.alerts import Received


def receive(world: World, action: str, severity: str = "error") -> None:
    """A signal is stored; no node has looked at it yet."""
    signal = Signal(AlertAction(action), "1", "checkout is slow", AlertSeverity(severity))
    world.run(world.intake.accept([Received("prometheus", signal, world.now)]))


def take(world: World, batches: list[Batch]) -> None:
    """A node takes what it saw waiting."""
    for batch in batches:
        job = partial(triage.triage, context=world.engine.context, batch=batch, now=world.now)
        world.store.write_now(job)


def test_news_of_an_alert_that_another_node_has_just_taken_goes_to_its_incident(world: World) -> None:
    receive(world, "trigger")
    seen_by_both = world.store.read_now(triage.waiting)
    take(world, seen_by_both)
    receive(world, "resolve")
    take(world, seen_by_both)
    world.settle()
    assert (world.incident().alerts_open, world.incident().status) == (0, "resolved")


def test_an_alert_that_gets_worse_between_two_nodes_is_counted_once(world: World) -> None:
    receive(world, "trigger")
    seen_by_both = world.store.read_now(triage.waiting)
    take(world, seen_by_both)
    receive(world, "trigger", severity="critical")
    take(world, seen_by_both)
    world.settle()
    assert (world.incident().alerts_count, world.incident().level) == (1, "P1")
