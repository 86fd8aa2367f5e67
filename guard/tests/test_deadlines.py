"""One timer for all calls ends each in its own time, and nothing else."""

import asyncio

import pytest

from tocsin_guard.deadlines import Deadlines


async def test_each_call_ends_in_its_own_time_whatever_the_others_do() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    ended: dict[str, float] = {}
    started = loop.time()

    async def call(name: str, limit: float, works: float) -> None:
        try:
            await deadlines.within(limit, asyncio.sleep(works))
        except TimeoutError:
            name += " late"
        ended[name] = loop.time() - started

    await asyncio.gather(call("a", 0.2, 9), call("b", 0.05, 9), call("c", 0.1, 0.01), call("d", 0.1, 9))
    assert list(ended) == ["c", "b late", "d late", "a late"]
    for name, limit in (("b late", 0.05), ("d late", 0.1), ("a late", 0.2)):
        assert limit <= ended[name] < limit + 0.1
    assert await deadlines.within(1, asyncio.sleep(0, "again")) == "again"
    with pytest.raises(TimeoutError):
        await deadlines.within(0.01, asyncio.sleep(9))


async def test_who_is_cancelled_from_outside_is_cancelled_and_not_late() -> None:
    deadlines = Deadlines()
    task = asyncio.create_task(deadlines.within(9, asyncio.sleep(9)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def both() -> None:
        async with asyncio.timeout(0.02):
            await deadlines.within(0.01, asyncio.sleep(9))

    with pytest.raises(TimeoutError):
        await both()


async def test_a_call_within_a_call_has_its_own_time() -> None:
    deadlines = Deadlines()

    async def inner() -> str:
        try:
            await deadlines.within(0.01, asyncio.sleep(9))
        except TimeoutError:
            return "inner late"
        return "in time"

    assert await deadlines.within(1, inner()) == "inner late"
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


def test_it_serves_one_event_loop_after_another() -> None:
    deadlines = Deadlines()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            asyncio.run(deadlines.within(0.02, asyncio.sleep(9)))


async def test_work_that_ends_in_spite_of_being_cancelled_leaves_nothing_behind() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            return "done"
        return "slept"

    assert await Deadlines().within(0.01, stubborn()) == "done"
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0
