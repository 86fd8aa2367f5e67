"""Incidents that people open, several services that fail together, and a plan that changes under one."""

from __future__ import annotations

from datetime import timedelta

from tests.support.world import PLAN, World, page
from tocsin.core.model import Actor, ActorKind, LevelId, Refused, ServiceId
from tocsin.engine.declare import Declared

ANA = Actor(ActorKind.PERSON, "ana")
EDITED = PLAN.replace("after: 5m", "after: 7m")


def declare(world: World, level: str = "P1") -> object:
    declared = Declared(ServiceId("checkout"), "Orders hang", level=LevelId(level))
    answer = world.run(world.engine.declare(declared, ANA))
    world.settle()
    return answer


def test_an_incident_that_a_person_opens_holds_its_service(world: World) -> None:
    declare(world)
    world.expect(page("ana"))
    incident = world.incident()
    again = declare(world)
    assert isinstance(again, Refused)
    said = f"has an open incident, {incident.id}: say there what you know."
    assert again.reason.endswith(said)
    world.alert("prometheus", "checkout is down")
    assert world.incident().alerts_open == 1


def test_an_incident_goes_by_another_version_when_somebody_says_so(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.apply_plan(EDITED)
    world.now += timedelta(seconds=3)
    answer = world.run(world.engine.repin(world.incident().id, "", ANA))
    assert not isinstance(answer, Refused)
    before = world.incident().policy_version
    world.advance(minutes=6)
    world.expect(page("ana", "webhook"))
    world.advance(minutes=1)
    world.expect(page("ben"))
    assert world.incident().policy_version == before


def test_the_version_that_was_applied_this_moment_is_the_one_in_force(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    before = world.incident().policy_version
    world.apply_plan(EDITED)
    answer = world.run(world.engine.repin(world.incident().id, "", ANA))
    assert not isinstance(answer, Refused)
    assert world.incident().policy_version != before
