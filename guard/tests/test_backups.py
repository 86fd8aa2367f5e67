"""Backups: complete, verified, restored byte for byte, kept and deleted by rule; and what breaks them
is found.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guard.tests.support import Breakable, World, world
from tocsin_guard import (
    Corrupt,
    LocalFiles,
    Malformed,
    Opened,
    Schedule,
    Settings,
    Unavailable,
    Unknown,
    memory,
)
from tocsin_guard.backups import Backups
from tocsin_guard.manifests import Backup, Item, blob

OBJECTS = {f"lists/{n}.csv": os.urandom(n * 1000) for n in range(1, 20)}
OBJECTS |= {"large": os.urandom(3_000_000), "empty": b""}


class Scene:
    def __init__(self, w: World, target: Breakable) -> None:
        self.w, self.target = w, target
        self.backups: Backups = w.guard.backups["R2_STORAGE"]

    async def make(self, type: str = "full", priority: str = "normal") -> Backup:
        self.w.clock.advance(1)
        backup = self.backups.ask(type, priority)
        await self.backups.run_next()
        return backup

    def events(self, count: int = 1) -> list[str]:
        return [event.type for event in self.w.guard.events.select(count)]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    target = Breakable(LocalFiles(tmp_path / "backup"))
    w = world(
        tmp_path / "guard", backup=target, schedule=Schedule(0, 0, kept=3), settings=Settings(retry_seconds=0)
    )
    async with w.guard.running():
        for key, content in OBJECTS.items():
            await w.files.put(key, content, content_type="text/csv")
        yield Scene(w, target)


async def test_a_backup_restores_byte_for_byte_after_everything_is_gone(scene: Scene) -> None:
    backup = await scene.make()
    assert (backup.state, backup.objects, backup.bytes) == (
        "COMPLETED",
        len(OBJECTS),
        sum(map(len, OBJECTS.values())),
    )
    for key in OBJECTS:
        await scene.w.store.inner.delete(key)
    result = await scene.backups.restore(backup.id)
    assert result == {"id": backup.id, "restored": len(OBJECTS), "queued": 0, "bad": [], "ok": True}
    for key, content in OBJECTS.items():
        opened = await scene.w.store.inner.get(key)
        assert await opened.read() == content
        assert opened.info.attributes["Content-Type"] == "text/csv"


async def test_one_object_can_be_restored_also_into_another_store(scene: Scene) -> None:
    backup = await scene.make()
    other = memory()
    assert (await scene.backups.restore(backup.id, "large", other))["restored"] == 1
    assert await (await other.get("large")).read() == OBJECTS["large"]
    with pytest.raises(Unknown, match="has no object 'nothing'"):
        await scene.backups.restore(backup.id, "nothing")
    with pytest.raises(Unknown, match="There is no backup 'x'"):
        await scene.backups.restore("x")
    with pytest.raises(Unknown):
        await scene.backups.restore("../../etc/passwd")


async def test_an_incremental_backup_copies_what_is_new_and_is_complete_by_itself(scene: Scene) -> None:
    await scene.make()
    await scene.w.files.put("lists/3.csv", b"changed")
    await scene.w.files.delete("large")
    backup = await scene.make("incremental")
    assert (backup.copied, backup.objects) == (1, len(OBJECTS) - 1)
    _, items = await scene.backups.load(backup.id)
    assert "large" not in {i.key for i in items}
    for key in [k for k in OBJECTS if k != "large"]:
        await scene.w.store.inner.delete(key)
    await scene.backups.restore(backup.id)
    assert await (await scene.w.store.inner.get("lists/3.csv")).read() == b"changed"


async def test_an_emergency_backup_takes_queued_writes_and_skips_what_cannot_be_read(
    scene: Scene,
) -> None:
    await scene.w.guard.find("R2_STORAGE").degrade("stabilise", "ana")
    await scene.w.files.put("queued", b"only here")
    await scene.w.files.put("queued-large", b"q" * 50_000)
    scene.w.store.broken_keys = "lists/1"
    backup = await scene.make("emergency")
    assert backup.priority == "high"
    assert backup.state == "COMPLETED"
    assert sorted(backup.missing) == sorted(k for k in OBJECTS if k.startswith("lists/1"))
    other = memory()
    await scene.backups.restore(backup.id, to=other)
    assert await (await other.get("queued")).read() == b"only here"
    assert await (await other.get("queued-large")).read() == b"q" * 50_000
    assert scene.events() == ["backup_completed"]


async def test_the_most_urgent_goes_first(scene: Scene) -> None:
    asked = [scene.backups.ask("full", "low"), scene.backups.ask("full"), scene.backups.ask("full", "high")]
    asked.append(scene.backups.ask("emergency", "low"))
    order = [await scene.backups.run_next() for _ in asked]
    assert order == [asked[3], asked[2], asked[1], asked[0]]
    with pytest.raises(Malformed, match="A backup has a type of full, incremental, emergency"):
        scene.backups.ask("partial")


async def test_a_backup_store_that_is_down_fails_the_backup_and_says_so(scene: Scene) -> None:
    scene.target.down = True
    backup = scene.backups.ask("full")
    running = scene.w.guard.keep(scene.backups.run_next())
    while not running.done():
        await scene.w.guard.pushes.settled()
        scene.w.clock.advance(1)
        await asyncio.sleep(0.001)
    assert backup.state == "FAILED"
    assert backup.error == "The backup store does not work: the store is down"
    assert scene.events() == ["backup_failed"]
    stats = scene.backups.stats()
    assert (stats["healthy"], stats["total_backups"], stats["failed_backups"]) == (False, 0, 1)
    assert scene.w.guard.find("R2_STORAGE").closed, "the second store is not the first"


async def test_every_damaged_blob_is_found_by_verify_and_not_restored(scene: Scene) -> None:
    backup = await scene.make()
    assert (await scene.backups.verify(backup.id))["ok"]
    _, items = await scene.backups.load(backup.id)
    chosen = [i for i in items if i.size][::3]
    for item in chosen:
        await damage(scene.target, item)
    gone = next(i for i in items if i.key == "empty")
    await scene.target.delete(f"blobs/{gone.sha256[:2]}/{gone.sha256}")
    result = await scene.backups.verify(backup.id)
    assert sorted(result["bad"]) == sorted([i.key for i in chosen] + ["empty"])
    assert scene.events() == ["backup_damaged"]
    assert sorted((await scene.backups.restore(backup.id))["bad"]) == sorted(result["bad"])
    repaired = await scene.make("full")
    assert (await scene.backups.verify(repaired.id))["ok"], "a full backup writes every blob anew"


async def test_an_incremental_backup_does_not_rest_on_a_damaged_blob(scene: Scene) -> None:
    """Same size, other bytes: each is noticed, told and written anew from the store."""
    first = await scene.make()
    _, items = await scene.backups.load(first.id)
    chosen = [item for item in items if item.size][::4]
    for item in chosen:
        await damage(scene.target, item)
    second = await scene.make("incremental")
    assert second.copied == len(chosen)
    assert scene.events(len(chosen) + 1) == ["backup_completed", *["backup_damaged"] * len(chosen)]
    told = {e.message for e in scene.w.guard.events.select(50, type="backup_damaged")}
    assert told == {
        f"The copy of {item.key} in the backup store is damaged; it is written anew." for item in chosen
    }
    assert (await scene.backups.verify(second.id))["ok"]
    assert (await scene.make("incremental")).copied == 0


async def test_a_blob_that_rots_unseen_is_noticed_within_a_day(scene: Scene, tmp_path: Path) -> None:
    """Its version stays the same in name; what was read and compared is trusted for a day."""
    first = await scene.make()
    _, items = await scene.backups.load(first.id)
    item = next(item for item in items if item.key == "large")
    path = tmp_path / "backup" / "objects" / f"blobs%2F{item.sha256[:2]}%2F{item.sha256}"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert (await scene.make("incremental")).copied == 0
    scene.w.clock.advance(24 * 3600)
    assert (await scene.make("emergency")).copied == 1
    assert scene.events(2) == ["backup_completed", "backup_damaged"]


async def test_after_a_restart_every_blob_is_read_and_compared_once(scene: Scene) -> None:
    first = await scene.make()
    reads: list[str] = []
    real = scene.target.get
    scene.backups.vault._checked.clear()

    async def counted(key: str, start: int = 0, length: int | None = None) -> Opened:
        reads.append(key)
        return await real(key, start, length)

    scene.target.get = counted  # type: ignore[method-assign]
    assert [(await scene.make("incremental")).copied for _ in range(2)] == [0, 0]
    _, items = await scene.backups.load(first.id)
    assert sorted(k for k in reads if k.startswith("blobs/")) == sorted(blob(i.sha256) for i in items)


async def damage(target: Breakable, item: Item) -> None:
    data = bytearray(await (await target.get(blob(item.sha256))).read())
    data[len(data) // 2] ^= 1
    await target.put(blob(item.sha256), bytes(data), {})


async def test_a_damaged_manifest_is_refused(scene: Scene) -> None:
    backup = await scene.make()
    name = f"manifests/{backup.id}.json"
    data = (await (await scene.target.get(name)).read()).replace(b"large", b"larfe")
    await scene.target.put(name, data, {})
    with pytest.raises(Corrupt, match=f"The manifest of backup {backup.id} is damaged"):
        await scene.backups.load(backup.id)


async def test_an_object_that_is_corrupt_in_the_store_is_never_taken_for_good(scene: Scene) -> None:
    await scene.make()
    await scene.w.store.inner.put("large", os.urandom(3_000_000), {})
    backup = await scene.make("full")
    assert backup.missing == ["large"]
    assert "backup_incomplete" in scene.events(5)


async def test_old_backups_go_and_with_them_only_what_nobody_needs(scene: Scene) -> None:
    first = await scene.make()
    await scene.w.files.put("lists/3.csv", b"second version")
    for _ in range(3):
        await scene.make("incremental")
    ids = await scene.backups.ids()
    assert len(ids) == 3
    assert first.id not in ids
    for id in ids:
        assert (await scene.backups.verify(id))["ok"]
    blobs = {i.key for i in [i async for i in scene.target.list("blobs")]}
    assert len(blobs) == len(set(OBJECTS)), "the first version of lists/3.csv is gone, the rest is there"


async def test_clearing_away_that_fails_is_told_and_deletes_nothing(scene: Scene) -> None:
    made = [await scene.make("incremental") for _ in range(3)]
    await scene.target.put(f"manifests/{made[2].id}.json", b"{}", {})
    assert (await scene.make("incremental")).state == "COMPLETED"
    told = next(scene.w.guard.events.select(1, type="backups_not_cleared"))
    assert told.message == (
        "Old backups of R2_STORAGE are kept, for clearing them failed: "
        f"The manifest of backup {made[2].id} is damaged."
    )
    assert len(await scene.backups.ids()) == 4


async def test_a_restore_from_a_store_that_is_down_says_so(scene: Scene) -> None:
    backup = await scene.make()
    scene.target.broken_keys = "blobs/"
    restoring = asyncio.create_task(scene.backups.restore(backup.id))
    for _ in range(20):
        scene.w.clock.advance(1)
        await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match="The backup store does not work: the store is down"):
        await restoring


async def test_the_schedule_makes_backups_by_itself_and_a_restart_remembers_them(tmp_path: Path) -> None:
    target = memory()
    w = world(tmp_path / "guard", backup=target, schedule=Schedule(24 * 3600, 3600))
    async with w.guard.running():
        await w.files.put("a", b"1")
        await w.pass_time(5 * 3600, step=600)
        made = [b.type for b in w.guard.backups["R2_STORAGE"].done]
        assert (made[0], set(made[1:])) == ("full", {"incremental"})
        assert len(made) in (5, 6), "one an hour"
    again = world(tmp_path / "guard", backup=target, store=w.store.inner, schedule=Schedule(24 * 3600, 3600))
    again.clock.advance(5 * 3600 + 60)
    async with again.guard.running():
        await again.settle()
        await again.pass_time(2)
        stats = again.guard.backups["R2_STORAGE"].stats()
        assert (stats["total_backups"], stats["healthy"]) == (len(made), True)
