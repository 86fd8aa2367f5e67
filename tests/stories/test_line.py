"""The line: one alert, one page, one acknowledgement, and what happens when nobody answers."""

from __future__ import annotations

from datetime import timedelta

from tests.support.world import World, page
from tocsin.core.incident import commands
from tocsin.core.model import Actor, ActorKind, AlertAction, AlertSeverity, Refused, Signal
from tocsin.store.alerts import Received


def test_an_alert_pages_who_is_on_call_at_once(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))


def test_an_unanswered_page_climbs_the_ladder(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.advance(minutes=2)
    world.expect(page("ana", "webhook"))
    world.advance(minutes=3)
    world.expect(page("ben"))
    world.advance(minutes=10)
    world.expect(page("dara"))
    world.advance(minutes=10)
    world.expect(page("ana"))


def test_an_acknowledgement_stops_pages_and_ladder(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.acknowledge("ana")
    world.advance(minutes=14)
    world.expect()


def test_a_second_acknowledgement_is_refused_with_a_reason(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.acknowledge("ana")
    assert world.acknowledge("ben") == Refused(f"{world.incident().id} was already acknowledged by Ana.")


def test_an_alert_that_repeats_does_not_page_again(world: World) -> None:
    for _ in range(5):
        world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    assert world.incident().alerts_count == 1


def test_the_source_resolves_what_it_triggered(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.clear("prometheus", "checkout is down")
    assert world.incident().status == "resolved"
    world.advance(hours=3)
    world.expect()


def test_after_a_resolve_by_hand_the_next_trigger_opens_a_new_incident(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.resolve("ana")
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"), page("ana"))
    assert len(world.incidents()) == 2


def test_a_worse_alert_raises_the_level_and_pages_although_it_was_acknowledged(world: World) -> None:
    world.alert("prometheus", "checkout is slow", severity="error")
    world.acknowledge("ana")
    world.expect(page("ana"))
    world.alert("prometheus", "checkout is down", severity="critical")
    world.expect(page("ana"))
    assert world.incident().level == "P1"


def test_an_acknowledged_incident_that_is_forgotten_pages_again(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.acknowledge("ana")
    world.expect(page("ana"))
    world.advance(minutes=15)
    world.expect(page("dara"))
    world.advance(minutes=15)
    world.expect(page("ana"))


def test_an_alert_that_got_worse_and_was_acknowledged_at_its_source_at_once_still_raises(
    world: World,
) -> None:
    world.alert("prometheus", "checkout is slow", severity="error")
    world.expect(page("ana"))
    signals = [
        Signal(action, "checkout is slow", "checkout is slow", AlertSeverity.CRITICAL)
        for action in (AlertAction.TRIGGER, AlertAction.ACKNOWLEDGE)
    ]
    world.run(world.intake.accept([Received("prometheus", one, world.now) for one in signals]))
    world.settle()
    world.expect(page("ana"))
    assert world.incident().level == "P1"


def test_who_resolves_does_not_take_along_what_has_just_got_worse(world: World) -> None:
    world.alert("prometheus", "checkout is slow", severity="error")
    world.expect(page("ana"))
    worse = Signal(AlertAction.TRIGGER, "checkout is slow", "checkout is down", AlertSeverity.CRITICAL)
    world.run(world.intake.accept([Received("prometheus", worse, world.now)]))
    asked = commands.Asked(Actor(ActorKind.PERSON, "ana"), commands.Resolve("it was only slow"))
    world.run(world.engine.ask(world.incident().id, asked))
    world.settle()
    world.expect(page("ana"))
    assert {(one.level, one.status) for one in world.incidents()} == {("P1", "triggered"), ("P2", "resolved")}


def test_an_alert_taken_at_its_source_does_not_stop_the_pages_for_another(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.alert("prometheus", "disk is slow", severity="info")
    world.alert("prometheus", "disk is slow", action="acknowledge")
    world.advance(minutes=5)
    world.expect(page("ana", "webhook"), page("ben"))
    world.alert("prometheus", "checkout is down", action="acknowledge")
    world.advance(minutes=9)
    world.expect()
    assert world.incident().status == "acknowledged"


def test_an_alert_that_comes_already_taken_does_not_stop_the_pages_for_another(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    signals = [
        Signal(action, "disk", "disk is slow", AlertSeverity.INFO)
        for action in (AlertAction.TRIGGER, AlertAction.ACKNOWLEDGE)
    ]
    world.run(world.intake.accept([Received("prometheus", one, world.now) for one in signals]))
    world.settle()
    assert world.incident().status == "triggered"


def test_an_alert_that_turns_out_to_be_of_a_worse_kind_raises_the_level(world: World) -> None:
    rule = "classify:\n  - {class: data-loss, level: P1}\n"
    world.now += timedelta(seconds=1)
    world.apply_plan(world.plan.replace("classify:\n", rule))
    world.now += timedelta(seconds=3)
    world.alert("prometheus", "disk trouble", severity="warning")
    world.expect()
    world.alert("prometheus", "disk trouble", severity="warning", event_class="data-loss")
    world.expect(page("ana"))
    assert world.incident().level == "P1"


def test_who_is_on_call_is_looked_up_in_the_plan_of_today(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.now += timedelta(seconds=1)
    world.apply_plan(world.plan.replace("secondary: {people: [ben", "secondary: {people: [chloe"))
    world.advance(minutes=5)
    world.expect(page("ana", "webhook"), page("chloe"))


def test_the_plan_applied_last_is_in_force_although_the_clock_was_set_back(world: World) -> None:
    world.now -= timedelta(hours=1)
    world.apply_plan(world.plan.replace("secondary: {people: [ben", "secondary: {people: [chloe"))
    world.alert("prometheus", "checkout is down")
    world.advance(minutes=5)
    world.expect(page("ana"), page("ana", "webhook"), page("chloe"))
