"""A plan is edited: what is new goes by the new one, what is under way by the one it began with."""

from __future__ import annotations

from datetime import timedelta

from tests.support.world import PLAN, World, page

EDITED = PLAN.replace("after: 5m", "after: 7m")


def test_an_incident_keeps_the_plan_it_began_with(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.apply_plan(EDITED)
    world.advance(minutes=5)
    world.expect(page("ana", "webhook"), page("ben"))


def test_a_plan_that_was_applied_after_the_clock_was_set_back_is_in_force(world: World) -> None:
    world.now -= timedelta(minutes=30)
    world.apply_plan(EDITED)
    world.advance(seconds=5)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.advance(minutes=6)
    world.expect(page("ana", "webhook"))
