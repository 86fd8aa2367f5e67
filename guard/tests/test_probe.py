"""After the cooldown one caller tries the store, however many come at once."""

import asyncio
from pathlib import Path

from guard.tests.support import world
from tocsin_guard import LocalFiles, Opened, Settings, Unavailable
from tocsin_guard.breaker import Position


async def test_of_many_callers_one_probes_and_the_others_are_served_without_the_store(tmp_path: Path) -> None:
    replica = LocalFiles(tmp_path / "replica")
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0), replica=replica)
    async with w.guard.running():
        for key in "abcdefgh":
            await w.files.put(key, key.encode())
            await replica.put(key, key.encode(), {})
        w.store.down = True
        await asyncio.gather(*(w.files.get(key) for key in "abcdefgh"))
        dependency = w.guard.find("R2_STORAGE")
        assert dependency.breaker.position is Position.OPEN
        w.store.down = False
        w.clock.advance(10)
        asked, answer, get = [], asyncio.Event(), w.store.get

        async def slow(key: str, start: int = 0, length: int | None = None) -> Opened:
            asked.append(key)
            await answer.wait()
            return await get(key, start, length)

        w.store.get = slow  # type: ignore[method-assign]  # a store that takes its time
        reading = [asyncio.create_task(w.files.get(key)) for key in "abcdefgh" * 10]
        writing = [asyncio.create_task(w.files.put(f"new-{n}", b"1")) for n in range(10)]
        await asyncio.wait([*reading[1:], *writing])  # the first one probes
        assert asked == ["a"]
        assert all(written.queued for written in await asyncio.gather(*writing))
        answer.set()
        sources = [read.source for read in await asyncio.gather(*reading)]
        assert (sources.count("store"), sources.count("replica")) == (1, len(reading) - 1)
        assert dependency.closed


async def test_a_probe_that_fails_is_the_only_call_of_its_cooldown(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0))
    async with w.guard.running():
        w.store.down = True
        for n in range(10):
            await w.files.put(f"k{n}", b"1")
        before = w.store.calls
        for _ in range(3):
            w.clock.advance(60)
            for n in range(20):
                try:
                    await w.files.get(f"x{n}")
                except Unavailable:
                    continue
        assert w.store.calls - before == 3
