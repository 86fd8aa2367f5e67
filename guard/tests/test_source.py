"""Where a read would come from: what a page can show for every object during an outage."""

from pathlib import Path

import pytest

from guard.tests.support import world
from tocsin_guard import NotFound, Schedule, Settings, Unavailable, memory


async def test_where_a_read_would_come_from_is_known_without_asking(tmp_path: Path) -> None:
    backup = memory()
    w = world(
        tmp_path / "guard",
        settings=Settings(retry_seconds=0),
        cache_bytes_max=4000,
        backup=backup,
        schedule=Schedule(0, 0),
    )
    async with w.guard.running():
        await w.files.put("small", b"1")
        await w.files.put("saved", b"2" * 2000)
        w.guard.backups["R2_STORAGE"].ask()
        await w.guard.backups["R2_STORAGE"].run_next()
        await w.files.put("large", b"3" * 2000)
        assert {w.files.source(key) for key in ("small", "saved", "large", "unknown")} == {"store"}
        w.store.down = True
        for key in ("new", *"abcde"):
            await w.files.put(key, b"4")
        await w.files.delete("small-one")
        before = w.store.calls
        found = {key: w.files.source(key) for key in ("small", "saved", "large", "new", "small-one", "never")}
        assert found == {
            "small": "cache", "saved": "backup", "large": "", "new": "queue", "small-one": "", "never": ""
        }  # fmt: skip
        assert w.store.calls == before
        for key, source in found.items():
            if source:
                assert (await w.files.get(key)).source == source
            else:
                with pytest.raises((Unavailable, NotFound)):
                    await w.files.get(key)
    again = world(
        tmp_path / "guard",
        settings=Settings(retry_seconds=0),
        cache_bytes_max=4000,
        backup=backup,
        schedule=Schedule(0, 0),
    )
    again.store.down = True
    async with again.guard.running():
        await again.pass_time(2)
        assert again.files.source("saved") == "backup", "a restart during the outage knows it too"
