"""A request that guard gave up, and that lands later, does not undo what is newer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from guard.tests.support import Breakable, World, world
from guard.tests.swift import Swift, s3_store
from tocsin_guard import (
    Changed,
    Conditional,
    Expect,
    LocalFiles,
    NotFound,
    Settings,
    Unavailable,
    memory,
)
from tocsin_guard.handlers import Body


@dataclass
class Slow(Breakable):
    """The next `stuck` requests that change something are given up by who asked, and wait to be landed."""

    stuck: int = 0
    on_their_way: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    async def put(
        self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str = Expect.ANY
    ) -> str:
        self._hold(partial(self.inner.put, key, body, attributes, expect))
        return await super().put(key, body, attributes, expect)

    async def delete(self, key: str) -> None:
        self._hold(partial(self.inner.delete, key))
        await super().delete(key)

    def _hold(self, request: Callable[[], Awaitable[object]]) -> None:
        if self.stuck:
            self.stuck -= 1
            self.on_their_way.append(request)
            raise Unavailable("no answer in time")

    async def land(self) -> None:
        assert self.on_their_way, "nothing was given up"
        for request in self.on_their_way:
            try:
                await request()
            except Changed:
                continue


@dataclass
class SlowLocal(Slow):
    """Local files can delete one version and no other."""

    async def delete_version(self, key: str, etag: str) -> None:
        assert isinstance(self.inner, LocalFiles)
        self._hold(partial(self.inner.delete_version, key, etag))
        await self.inner.delete_version(key, etag)


def slow(folder: Path, store: Slow) -> World:
    made = world(
        folder / "guard",
        store=store,
        cache_bytes_max=1_000_000,
        settings=Settings(retry_seconds=0, attempts_max=2),
    )
    made.files.store = made.files.reader.store = store  # not behind a store that cannot delete a version
    return made


async def content(w: World, key: str = "k") -> bytes:
    return bytes(await (await w.files.get(key)).read())


@pytest.fixture(params=["memory", "local", "s3, a new key"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Slow:
    if request.param == "local":
        return SlowLocal(LocalFiles(tmp_path / "store"))
    if request.param == "memory":
        return Slow(memory())
    swift: Swift = request.getfixturevalue("s3_server")
    return Slow(s3_store(swift))


async def test_a_first_write_that_lands_late(store: Slow, tmp_path: Path) -> None:
    w = slow(tmp_path, store)
    async with w.guard.running():
        store.stuck = 1
        assert not (await w.files.put("late/1", b"given up once, then written")).queued
        await w.files.put("late/1", b"newer")
        await store.land()
        assert await content(w, "late/1") == b"newer"
        await w.files.delete("late/1")


@pytest.mark.parametrize("kind", ["memory", "local"])
async def test_an_overwrite_that_lands_late(kind: str, tmp_path: Path) -> None:
    store: Slow = Slow(memory()) if kind == "memory" else SlowLocal(LocalFiles(tmp_path / "store"))
    w = slow(tmp_path, store)
    async with w.guard.running():
        await w.files.put("k", b"oldest")
        store.stuck = 1
        assert not (await w.files.put("k", b"given up once, then written")).queued
        await w.files.put("k", b"newer")
        await store.land()
        assert await content(w) == b"newer"


async def test_a_write_that_was_queued_and_lands_after_it_was_applied(tmp_path: Path) -> None:
    store = Slow(memory())
    w = slow(tmp_path, store)
    async with w.guard.running():
        await w.files.put("k", b"oldest")
        store.stuck = 2
        assert (await w.files.put("k", b"given up, queued, applied")).queued
        await w.pass_time(30, step=5)
        assert not w.guard.queue.book.waiting
        await w.files.put("k", b"newer")
        await store.land()
        assert await content(w) == b"newer"


async def test_what_guard_does_not_know_to_be_there_is_looked_at_first(tmp_path: Path) -> None:
    """Another process wrote it, or it was there before guard: who writes last has it, as ever."""
    store = Slow(memory())
    w = slow(tmp_path, store)
    async with w.guard.running():
        await store.inner.put("k", b"from before", {})
        await w.files.put("k", b"1")
        await store.inner.put("k", b"by somebody else", {})
        await w.files.put("k", b"2")
        assert await content(w) == b"2"


async def test_a_delete_that_lands_late_on_local_files(tmp_path: Path) -> None:
    store = SlowLocal(LocalFiles(tmp_path / "store"))
    w = slow(tmp_path, store)
    async with w.guard.running():
        await w.files.put("k", b"old")
        store.stuck = 1
        assert not (await w.files.delete("k")).queued
        with pytest.raises(NotFound):
            await w.files.get("k")
        await w.files.put("k", b"newer")
        await store.land()
        assert await content(w) == b"newer"


async def test_a_delete_that_lands_late_in_the_cloud_is_noticed_and_read_from_a_copy(tmp_path: Path) -> None:
    """S3 clients cannot delete one version only: guard sees that its object is missing."""
    store = Slow(memory())
    w = slow(tmp_path, store)
    async with w.guard.running():
        await w.files.put("k", b"old")
        store.stuck = 1
        await w.files.delete("k")
        await w.files.put("k", b"newer")
        await store.land()
        read = await w.files.get("k")
        assert (await read.read(), read.source) == (b"newer", "cache")
        assert next(iter(w.guard.events.select(1))).type == "object_missing"


async def test_without_conditions_a_late_landing_wins(tmp_path: Path) -> None:
    """What docs/guard/failures.md says of such servers."""
    store = Slow(memory())
    store.inner.conditional = Conditional.NONE  # type: ignore[misc]
    w = slow(tmp_path, store)
    async with w.guard.running():
        store.stuck = 1
        await w.files.put("k", b"given up once, then written")
        await w.files.put("k", b"newer")
        await store.land()
        assert await content(w) == b"given up once, then written"
