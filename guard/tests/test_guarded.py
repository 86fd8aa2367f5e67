"""Stories of a guarded store: what a service and its users see in each failure."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from guard.tests.support import Breakable, World, world
from guard.tests.swift import Swift, s3_store
from tocsin_guard import (
    BreakerPolicy,
    Corrupt,
    DegradedRule,
    DiskFull,
    Guard,
    GuardError,
    LocalFiles,
    NotFound,
    Refused,
    Rejected,
    Schedule,
    Settings,
    Unavailable,
    memory,
)
from tocsin_guard.breaker import Position
from tocsin_guard.operations import State

FAST = Settings(retry_seconds=0.0)


@pytest.fixture
async def w(tmp_path: Path) -> AsyncIterator[World]:
    made = world(tmp_path / "guard", settings=FAST)
    async with made.guard.running():
        yield made


async def test_a_healthy_store_is_written_and_read_at_once(w: World) -> None:
    written = await w.files.put("a.csv", b"1,2", content_type="text/csv")
    assert (written.queued, written.size) == (False, 3)
    read = await w.files.get("a.csv")
    assert (await read.read(), read.source, read.content_type) == (b"1,2", "store", "text/csv")
    assert [item.key for item in w.files.list()] == ["a.csv"]
    await w.files.delete("a.csv")
    with pytest.raises(NotFound):
        await w.files.get("a.csv")


async def test_an_outage_queues_writes_and_what_was_written_can_be_read_and_listed(w: World) -> None:
    await w.files.put("old", b"old")
    w.store.down = True
    assert (await w.files.put("new", b"new")).queued
    assert (await w.files.put("big", b"x" * 100_000)).queued
    assert (await w.files.delete("old")).queued
    assert await (await w.files.get("new")).read() == b"new"
    read = await w.files.get("big", start=99_990, length=5)
    assert (await read.read(), read.size, read.source) == (b"xxxxx", 100_000, "queue")
    with pytest.raises(NotFound, match="its deletion is queued"):
        await w.files.get("old")
    assert [item.key for item in w.files.list()] == ["big", "new"]


async def test_storage_gone_for_an_hour_and_back(tmp_path: Path) -> None:
    """An upload every ten seconds, a download every minute; nobody notices but by "queued"."""
    w = world(tmp_path / "guard", settings=FAST, cache_bytes_max=10_000_000)
    async with w.guard.running():
        for n in range(20):
            await w.files.put(f"before-{n}", f"before {n}".encode())
        w.store.down = True
        at_hand = 0
        for n in range(360):
            await w.pass_time(10, step=5)
            body = f"during {n}".encode()
            assert (await w.files.put(f"k{n % 7}", body, idempotency_key=f"during-{n}")).queued
            if n % 6 == 0:
                read = await w.files.get(f"before-{n % 20}")
                assert (await read.read(), read.source) == (f"before {n % 20}".encode(), "cache")
                at_hand += 1
        dependency = w.guard.find("R2_STORAGE")
        assert dependency.breaker.permanent, "after ten minutes it is called permanently open"
        assert w.store.calls < 20 + 10 + 3600 / 60 * 3, "the breaker kept the pressure off the store"
        assert w.guard.queue.book.total(State.QUEUED) == 360
        w.store.down = False
        await w.pass_time(90, step=5)
        assert dependency.closed
        assert dependency.mode is None
        assert w.guard.queue.book.total(State.QUEUED) == 0
        during = [mark for _, mark in w.store.log if mark.startswith("during-")]
        assert len(during) == len(set(during)) == 360
        for k in range(7):
            numbers = [int(mark.removeprefix("during-")) for key, mark in w.store.log if key == f"k{k}"]
            assert numbers == list(range(k, 360, 7))
            newest = max(numbers)
            assert await (await w.store.inner.get(f"k{k}")).read() == f"during {newest}".encode()
        assert at_hand == 60


async def test_a_lost_answer_neither_doubles_nor_loses_a_write(w: World) -> None:
    w.store.lose_answers = True
    written = await w.files.put("k", b"1", idempotency_key="m1")
    w.store.lose_answers = False
    await w.pass_time(120, step=10)
    assert w.store.puts == {"m1": 1}
    assert not w.guard.queue.book.waiting
    assert await (await w.files.get("k")).read() == b"1"
    assert not written.queued, "the second attempt saw that the first had done it"


async def test_a_full_disk_leaves_no_copy_of_a_file_behind(w: World, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(b"x" * 100_000)
    w.store.down = True
    w.guard.queue.intake.reserve_bytes = 1 << 60
    with pytest.raises(DiskFull):
        await w.files.put("k", mine)
    assert mine.stat().st_size == 100_000
    assert not list((w.guard.folder / "incoming").iterdir())


async def test_by_hand_degraded_writes_queue_and_wait_for_a_person(w: World) -> None:
    dependency = w.guard.find("r2_storage")
    await dependency.degrade("Incident response stabilization", "ana")
    assert (await w.files.put("k", b"1")).queued
    await w.pass_time(600, step=60)
    assert w.store.log == [], "nothing was tried"
    assert await dependency.restore("ana", "over")
    await w.pass_time(2)
    assert [key for key, _ in w.store.log] == ["k"]
    acts = {(e.type, e.by, e.reason) for e in w.guard.events.select(50) if e.by}
    assert acts == {
        ("degraded_entered", "ana", "Incident response stabilization"),
        ("degraded_left", "ana", "over"),
    }


async def test_leaving_degraded_mode_is_refused_while_the_store_fails_unless_forced(w: World) -> None:
    w.store.down = True
    for n in range(5):
        await w.files.put(f"k{n}", b"1")
    dependency = w.guard.find("R2_STORAGE")
    assert dependency.status == "UNHEALTHY"
    with pytest.raises(Refused, match=r"still fails .*reset the breaker first, or use force-recovery"):
        await dependency.restore("ana", "")
    assert dependency.shown()["degraded"]
    assert await dependency.force_recovery("ana", "")
    assert dependency.shown()["status"] == "HEALTHY"


async def test_where_the_rule_says_so_a_person_ends_what_the_rule_began(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0, degraded=DegradedRule(leave=False)))
    async with w.guard.running():
        w.store.down = True
        for n in range(5):
            await w.files.put(f"k{n}", b"1")
        w.store.down = False
        await w.pass_time(300, step=10)
        assert w.guard.find("R2_STORAGE").closed
        assert (await w.files.put("later", b"1")).queued
        assert w.store.log == []
        await w.guard.find("R2_STORAGE").restore("ana", "")
        await w.pass_time(2)
        assert len(w.store.log) == 6


async def test_state_survives_a_restart(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", settings=FAST)
    async with w.guard.running():
        await w.files.put("kept", b"kept")
        w.store.down = True
        for n in range(6):
            await w.files.put(f"k{n}", b"1")
        await w.guard.find("R2_STORAGE").degrade("by hand", "ana")
        await w.pass_time(61)
    inner = w.store.inner
    again = world(tmp_path / "guard", store=inner, settings=FAST)
    async with again.guard.running():
        dependency = again.guard.find("R2_STORAGE")
        assert dependency.status == "UNHEALTHY"
        assert dependency.mode is not None
        assert (dependency.mode.reason, dependency.mode.by) == ("by hand", "ana")
        assert again.guard.queue.book.total(State.QUEUED) == 6
        assert again.files.catalogue.get("kept") is not None
        assert again.guard.metrics.minutes
        assert any(e.type == "breaker_open" for e in again.guard.events.select(100))
        assert dependency.history[0]["to"] == "OPEN"
        await again.pass_time(5)
        assert dependency.status == "DEGRADED", "the probe after the restart found it well"
        await dependency.restore("ana", "")
        await again.pass_time(5)
        assert len(again.store.log) == 6


async def test_nobody_overtakes_what_waits_for_the_same_key(w: World) -> None:
    await w.guard.find("R2_STORAGE").degrade("x", "ana")
    await w.files.put("k", b"1")
    await w.files.put("k", b"2")
    w.guard.find("R2_STORAGE").mode = None
    assert (await w.files.put("k", b"3")).queued
    assert (await w.files.delete("k")).queued
    assert not (await w.files.put("other", b"3")).queued
    assert (await w.files.put("k", b"4")).queued
    await w.pass_time(5)
    assert [key for key, _ in w.store.log] == ["other", "k", "k", "k", "k"]
    assert await (await w.store.inner.get("k")).read() == b"4"


async def test_a_partial_outage_hits_only_its_keys(tmp_path: Path) -> None:
    settings = Settings(breaker=BreakerPolicy(failures_in_a_row=100, calls_min=1000), retry_seconds=0)
    w = world(tmp_path / "guard", settings=settings, cache_bytes_max=1_000_000)
    async with w.guard.running():
        await w.files.put("bad/1", b"bad")
        await w.files.put("good/1", b"good")
        w.store.broken_keys = "bad/"
        assert (await (await w.files.get("bad/1")).read()) == b"bad"
        assert (await w.files.get("bad/1")).source == "cache"
        assert (await w.files.put("bad/2", b"2")).queued
        assert not (await w.files.put("good/2", b"2")).queued


async def test_fallbacks_in_their_order_and_never_another_version(tmp_path: Path) -> None:
    replica, backup = memory(), memory()
    w = world(tmp_path / "guard", settings=FAST, replica=replica, backup=backup, schedule=Schedule(0, 0))
    async with w.guard.running():
        await w.files.put("a", b"recorded", content_type="text/csv")
        w.store.down = True
        with pytest.raises(Unavailable, match="no good copy elsewhere"):
            await w.files.get("a")
        await replica.put("a", b"older version", {})
        with pytest.raises(Unavailable):
            await w.files.get("a")
        w.store.down = False
        await w.pass_time(60, step=5)
        backups = w.guard.backups["R2_STORAGE"]
        backups.ask("full")
        await backups.run_next()
        w.store.down = True
        read = await w.files.get("a")
        assert (await read.read(), read.source, read.content_type) == (b"recorded", "backup", "text/csv")
        await replica.put("a", b"recorded", {})
        assert (await w.files.get("a")).source == "replica"


async def test_a_download_that_breaks_in_the_middle_goes_on_from_a_copy(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", settings=FAST, cache_bytes_max=50_000_000)
    async with w.guard.running():
        data = os.urandom(5_000_000)
        await w.files.put("big", data)
        w.store.break_after_bytes = 3_500_000
        assert await (await w.files.get("big")).read() == data
        assert await (await w.files.get("big", start=1000, length=4_900_000)).read() == data[1000:4_901_000]
        assert [e.type for e in w.guard.events.select(2)] == ["read_broken"] * 2


async def test_a_corrupt_small_object_is_noticed_and_replaced_by_a_good_copy(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", settings=FAST, cache_bytes_max=1_000_000)
    async with w.guard.running():
        await w.files.put("a", b"right")
        await w.store.inner.put("a", b"wrong", {"guard-sha256": "0" * 64})
        read = await w.files.get("a")
        assert (await read.read(), read.source) == (b"right", "cache")
        assert [e.type for e in w.guard.events.select(1)] == ["object_corrupt"]
        await w.store.inner.put("stranger", b"wrong", {"guard-sha256": "0" * 64})
        with pytest.raises(Corrupt):
            await w.files.get("stranger")
        await w.store.inner.delete("a")
        assert (await w.files.get("a")).source == "cache"


async def test_a_stream_passes_in_bounded_memory_and_can_be_queued(w: World, tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        for n in range(200):
            yield bytes([n]) * 10_000

    whole = b"".join(bytes([n]) * 10_000 for n in range(200))
    written = await w.files.put("s", body())
    assert (written.size, written.queued) == (2_000_000, False)
    w.store.down = True
    assert (await w.files.put("s", body())).queued
    path = tmp_path / "mine"
    path.write_bytes(b"by path")
    assert (await w.files.put("p", path)).queued
    assert path.read_bytes() == b"by path", "the caller's file is his"
    assert await (await w.files.get("s")).read() == whole
    w.store.down = False
    await w.pass_time(90, step=5)
    assert await (await w.store.inner.get("p")).read() == b"by path"
    assert not list((tmp_path / "guard" / "incoming").iterdir())
    assert not list((tmp_path / "guard" / "spool").iterdir())


async def test_what_the_store_rejects_is_not_queued_and_opens_nothing(w: World) -> None:
    for _ in range(20):
        with pytest.raises(Rejected):
            await w.files.put("../etc", b"")
        with pytest.raises(NotFound):
            await w.files.get("nothing")
    assert w.guard.find("R2_STORAGE").closed
    assert not w.guard.queue.book.waiting


async def test_a_full_disk_refuses_uploads_clearly_keeps_downloads_and_what_was_taken(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", settings=FAST)
    async with w.guard.running():
        await w.files.put("a", b"1")
        w.store.down = True
        assert (await w.files.put("b", b"2")).queued
        w.guard.queue.intake.reserve_bytes = w.guard.reserve_bytes = 1 << 60
        await w.pass_time(1)
        with pytest.raises(DiskFull, match="is full: refused, and nothing was stored"):
            await w.files.put("c", b"3")
        w.store.down = False
        await w.pass_time(90, step=5)
        assert await (await w.store.inner.get("b")).read() == b"2"
        assert not (await w.files.put("c", b"3")).queued, "a store that works needs no local room"
        types = [e.type for e in w.guard.events.select(100)]
        assert "disk_full" in types
        w.guard.queue.intake.reserve_bytes = w.guard.reserve_bytes = 0
        await w.pass_time(1)
        assert next(iter(w.guard.events.select(1))).type == "disk_free"


async def test_objects_from_before_guard_can_be_adopted(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path / "store")
    await store.put("old", b"from before", {"Content-Type": "text/csv"})
    w = world(tmp_path / "guard", store=store, settings=FAST)
    async with w.guard.running():
        assert w.files.list() == []
        assert await w.files.adopt() == 1
        assert await w.files.adopt() == 0
        assert [item.key for item in w.files.list()] == ["old"]


async def test_two_processes_may_not_share_a_folder(w: World, tmp_path: Path) -> None:
    second = Guard(tmp_path / "guard")
    with pytest.raises(GuardError, match="in use by another process"):
        await second.start()


async def test_any_call_may_be_queued_and_keeps_its_order(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    sent: list[tuple[Any, str]] = []
    down = True
    mail = w.guard.dependency("MAIL", Settings(attempts_max=1, trouble=(KeyError,)))

    @w.guard.work(mail, "send")
    async def send(payload: Any, idempotency_key: str) -> None:
        if down:
            raise KeyError("the mail client's own error")
        sent.append((payload["n"], idempotency_key))

    async with w.guard.running():
        outcomes = [await send.run("ben", {"n": n}, f"mail-{n}") for n in range(8)]
        assert all(o.queued for o in outcomes)
        down = False
        assert (await send.run("ben", {"n": 8}, "mail-8")).queued, "not before those that wait"
        await w.guard.find("MAIL").reset("ana", "")
        await w.pass_time(90, step=5)
        assert sent == [(n, f"mail-{n}") for n in range(9)]
        assert not (await send.run("ben", {"n": 9}, "mail-9")).queued


async def test_on_a_real_s3_server_an_outage_queues_and_recovers(s3_server: Swift, tmp_path: Path) -> None:
    store = Breakable(s3_store(s3_server, timeout_seconds=3))
    w = world(tmp_path / "guard", store=store, settings=FAST, cache_bytes_max=1_000_000)
    async with w.guard.running():
        await w.files.put("story/a", b"before", content_type="text/csv")
        s3_server.stop("proxy")
        try:
            assert (await w.files.put("story/a", b"during", idempotency_key="s3-1")).queued
            assert (await w.files.put("story/b", b"b" * 200_000, idempotency_key="s3-2")).queued
            assert await (await w.files.get("story/a")).read() == b"during"
            for n in range(3):
                await w.files.put(f"story/{n}", b"x")
            assert w.guard.find("R2_STORAGE").breaker.position is Position.OPEN
        finally:
            s3_server.start("proxy")
        await w.pass_time(60, step=5)
        assert not w.guard.queue.book.waiting
        opened = await store.inner.get("story/a")
        assert await opened.read() == b"during"
        assert opened.info.attributes["guard-op"] == "s3-1"
        report = w.guard.integrity["R2_STORAGE"].begin()
        await w.guard.integrity["R2_STORAGE"].ended()
        assert report.ok
        assert report.checked == 5
