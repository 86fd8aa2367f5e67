"""One idempotency key, one work: repeats are told what became of it, anything else is refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from guard.tests.queues import House
from guard.tests.support import World, world
from tocsin_guard import Refused, Settings
from tocsin_guard.operations import State


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    made = House(tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def w(tmp_path: Path) -> AsyncIterator[World]:
    made = world(tmp_path / "guard", settings=Settings(retry_seconds=0.0))
    async with made.guard.running():
        yield made


async def test_the_same_idempotency_key_is_taken_once(house: House) -> None:
    first, second = await asyncio.gather(house.add("k", "m"), house.add("k", "m"))
    assert first.id == second.id
    await house.queue.drain()
    assert (await house.add("k", "m")).state is State.COMPLETED
    assert house.receiver.done == [("k", "m")]


async def test_an_idempotency_key_stands_for_one_work(house: House) -> None:
    """Whoever repeats it for another work must not hear that this one is taken."""
    await house.queue.add("S", "do", "k", {"p": 1}, b"one", idempotency_key="m")
    said = "The idempotency key 'm' stands for another do of k; give each work its own key."
    for action, key, payload, body in (
        ("do", "k", {"p": 1}, b"two"),
        ("do", "k", {"p": 2}, b"one"),
        ("do", "other", {"p": 1}, b"one"),
        ("undo", "k", {"p": 1}, b"one"),
    ):
        with pytest.raises(Refused) as refused:
            await house.queue.add("S", action, key, payload, body, idempotency_key="m")
        assert str(refused.value) == said
    await house.close()
    await house.open()
    assert (await house.queue.add("S", "do", "k", {"p": 1}, b"one", idempotency_key="m")).id == 1


async def test_what_a_person_discarded_is_not_taken_again_under_its_key(house: House) -> None:
    await house.add("k", "m")
    house.receiver.mode = "refuses"
    await house.queue.drain()
    await house.queue.discard(1, "nobody wants it")
    with pytest.raises(Refused) as refused:
        await house.add("k", "m")
    assert str(refused.value) == (
        "Operation 1 (do of k) was discarded: nobody wants it; "
        "to have it done after all, ask under another idempotency key."
    )


async def test_a_write_that_is_repeated_under_its_key_is_written_once(w: World) -> None:
    first = await w.files.put("k", b"1", idempotency_key="m1")
    assert await w.files.put("k", b"1", idempotency_key="m1") == first
    w.store.down = True
    assert (await w.files.put("q", b"2", idempotency_key="m2")).queued
    assert (await w.files.put("q", b"2", idempotency_key="m2")).queued
    w.store.down = False
    await w.pass_time(120, step=10)
    assert not (await w.files.put("q", b"2", idempotency_key="m2")).queued
    assert w.store.puts == {"m1": 1, "m2": 1}


@pytest.mark.parametrize("down", [False, True], ids=["at once", "queued"])
async def test_another_body_under_the_same_key_is_refused_not_called_stored(w: World, down: bool) -> None:
    w.store.down = down
    await w.files.put("k", b"1", idempotency_key="m1")
    for body in (b"2", b"3" * 100_000):
        with pytest.raises(Refused, match="The idempotency key 'm1' stands for another"):
            await w.files.put("k", body, idempotency_key="m1")
    w.store.down = False
    await w.pass_time(120, step=10)
    assert await (await w.files.get("k")).read() == b"1"
