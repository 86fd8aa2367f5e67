"""Ends in the middle of something: whoever waits hears of it, nobody waits for ever."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard.tests.support import world
from tocsin_guard import Settings
from tocsin_guard.errors import GuardError
from tocsin_guard.journal import Journal
from tocsin_guard.keylocks import KeyLocks
from tocsin_guard.lines import recover
from tocsin_guard.objects.guarded import Written


async def test_what_comes_while_the_journal_closes_is_kept_or_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", list)
    journal.start()
    stopping = asyncio.create_task(journal.stop())
    appends = []
    for n in range(200):
        appends.append(asyncio.create_task(journal.append({"kind": "n", "n": n})))
        await asyncio.sleep(0)
    await stopping
    ended = await asyncio.wait_for(asyncio.gather(*appends, return_exceptions=True), 5)
    kept = {record["n"] for record in recover(journal.path).records}
    assert {n for n, error in enumerate(ended) if error is None} <= kept
    told = {str(error) for error in ended if error is not None}
    assert told == {"guard is not running; start it first (the ASGI lifespan does)."}


async def test_an_upload_while_guard_stops_is_kept_or_told(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    await w.guard.start()
    await w.guard.find("R2_STORAGE").degrade("x", "ana")
    puts = [asyncio.create_task(w.files.put(f"k{n}", b"1")) for n in range(20)]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(w.guard.stop())
    for n in range(20, 60):
        puts.append(asyncio.create_task(w.files.put(f"k{n}", b"1")))
        await asyncio.sleep(0)
    await stopping
    ended = await asyncio.wait_for(asyncio.gather(*puts, return_exceptions=True), 5)
    assert all(isinstance(end, GuardError) or (isinstance(end, Written) and end.queued) for end in ended)
    again = world(tmp_path / "guard")
    async with again.guard.running():
        waiting = {o.key for o in again.guard.queue.book.waiting.values()}
    assert {f"k{n}" for n, end in enumerate(ended) if not isinstance(end, GuardError)} <= waiting


async def test_who_is_cancelled_just_before_the_turn_comes_is_cancelled_and_nothing_else() -> None:
    locks, let_go = KeyLocks(), asyncio.Event()

    async def hold(until: asyncio.Event) -> None:
        async with locks.alone("k"):
            await until.wait()

    first = asyncio.create_task(hold(let_go))
    await asyncio.sleep(0)
    second = asyncio.create_task(hold(asyncio.Event()))
    await asyncio.sleep(0)
    let_go.set()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await first
    assert not locks._held


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 9)), max_size=12))
def test_one_at_a_time_in_order_whoever_is_cancelled_when(users: list[tuple[str, int, int]]) -> None:
    """Each user has a key, holds it for some turns of the loop, and is cancelled after some (9: never)."""

    async def play() -> None:
        locks, inside, begun = KeyLocks(), dict.fromkeys("ab", 0), []

        async def use(number: int, key: str, turns: int) -> None:
            async with locks.alone(key):
                begun.append((key, number))
                inside[key] += 1
                assert inside[key] == 1
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                finally:
                    inside[key] -= 1

        tasks = [asyncio.create_task(use(n, key, turns)) for n, (key, turns, _) in enumerate(users)]
        for turn in range(9):
            await asyncio.sleep(0)
            for task, (_, _, until) in zip(tasks, users, strict=True):
                if until == turn:
                    task.cancel()
        ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ended)
        for key in "ab":
            order = [n for k, n in begun if k == key]
            assert order == sorted(order)
        assert not locks._held

    asyncio.run(play())


def test_a_guard_is_started_again_on_another_loop_and_has_everything_once(tmp_path: Path) -> None:
    """As a test suite does that starts the same app for each test."""
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0), cache_bytes_max=10_000)

    async def one(n: int) -> None:
        async with w.guard.running():
            await w.files.put("k", b"1")
            await w.guard.find("R2_STORAGE").degrade(f"r{n}", "ana")
            assert (await w.files.put(f"q{n}", b"1")).queued
            await asyncio.sleep(0)
            assert w.guard._loop is not None
            assert not w.guard._loop.done()
            if n == 2:
                await w.guard.find("R2_STORAGE").restore("ana", "")
                await w.pass_time(3)
                assert not w.guard.queue.book.waiting
            else:
                await w.pass_time(1)

    for n in range(3):
        asyncio.run(one(n))
    ids = [event.id for event in w.guard.events.select(1000)]
    assert ids == sorted(set(ids), reverse=True)
    assert sorted(w.store.puts.values()) == [1, 1, 1, 1, 1, 1]
    assert w.files.cache._used == 1

    async def as_a_new_process() -> None:
        again = world(tmp_path / "guard")
        async with again.guard.running():
            assert ids == [e.id for e in again.guard.events.select(1000) if e.id in ids]

    asyncio.run(as_a_new_process())
    with pytest.raises(GuardError, match="was used by others since guard stopped; make a new Guard for it"):
        asyncio.run(one(3))


def test_a_guard_that_was_left_on_a_loop_that_ended_says_so_and_hangs_nobody(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    asyncio.run(w.guard.start())
    with pytest.raises(GuardError) as refused:
        asyncio.run(w.guard.start())
    assert str(refused.value) == (
        "guard was started on another event loop; stop it there before that ends (the ASGI lifespan does)."
    )
