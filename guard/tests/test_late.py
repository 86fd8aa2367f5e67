"""A request that guard gave up, and that lands later, does not undo what is newer."""

from pathlib import Path

import pytest

from guard.tests.conftest import S3_SERVERS
from guard.tests.moto import moto_store
from guard.tests.support import Slow, SlowVersions, content, slow
from guard.tests.swift import s3_store
from tocsin_guard import (
    Conditional,
    LocalFiles,
    NotFound,
    memory,
)


@pytest.fixture(params=["memory", "local", *S3_SERVERS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Slow:
    if request.param == "local":
        return SlowVersions(LocalFiles(tmp_path / "store"))
    if request.param == "memory":
        return Slow(memory())
    if request.param == "moto":
        return SlowVersions(moto_store(request.getfixturevalue("moto_server")))
    return SlowVersions(s3_store(request.getfixturevalue("s3_server")))


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
    store: Slow = Slow(memory()) if kind == "memory" else SlowVersions(LocalFiles(tmp_path / "store"))
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
    store = SlowVersions(LocalFiles(tmp_path / "store"))
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


async def test_a_delete_that_lands_late_without_a_condition_is_noticed_and_read_from_a_copy(
    tmp_path: Path,
) -> None:
    """Where a store cannot delete one version only, guard sees that its object is missing."""
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
