"""A store that refuses writes makes the wheels rest, not spin; when it takes them again nothing is lost."""

from __future__ import annotations

import pytest

from tests.support.world import InlineStore, World, page
from tocsin.store.errors import StoreFull
from tocsin.store.writer import Job, Lane


def test_a_turn_that_could_store_nothing_says_so_and_the_wheel_backs_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))

    async def full(_store: InlineStore, _job: Job[object], _lane: Lane = Lane.ENGINE) -> object:
        raise StoreFull("The database has no room left.")

    world.now = world.now.replace(minute=5)
    with monkeypatch.context() as no_room:
        no_room.setattr(InlineStore, "write", full)
        with pytest.raises(StoreFull):
            world.run(world.engine.wake_once())
    world.settle()
    world.expect(page("ana", "webhook"), page("ben"))
