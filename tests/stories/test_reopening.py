"""An incident that was over goes on: it takes its service back, unless a newer one has it."""

from __future__ import annotations

from tests.support.world import World, page
from tocsin.core.incident import commands


def test_alerts_join_a_reopened_incident(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.ask("ana", commands.Resolve("fixed"))
    world.ask("ben", commands.Reopen("it is back"))
    world.expect(page("ana"))
    world.alert("prometheus", "checkout is slow")
    assert len(world.incidents()) == 1


def test_a_newer_incident_keeps_the_service(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    old = world.incident().id
    world.ask("ana", commands.Resolve("fixed"))
    world.alert("prometheus", "checkout is slow")
    world.expect(page("ana"))
    world.ask("ben", commands.Reopen("it is back"), old)
    world.expect(page("ana"))
    world.alert("prometheus", "checkout is odd")
    assert sorted(one.alerts_count for one in world.incidents()) == [1, 2]
