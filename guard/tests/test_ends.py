"""The moment between "done in the store" and "that is on the disk": what is newer must not get lost in it."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from guard.tests.support import world
from tocsin_guard import Settings


async def test_a_newer_write_does_not_pass_one_whose_end_is_not_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a kill in that moment would have the older one done again, over the newer one."""
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0))
    async with w.guard.running():
        w.store.down = True
        assert (await w.files.put("k", b"older", idempotency_key="a")).queued
        w.store.down = False
        append, on_its_way = w.guard.journal.append, asyncio.Event()

        async def slow(*records: Any, **more: Any) -> None:
            if records[0].get("state") == "COMPLETED":
                on_its_way.set()
                await asyncio.sleep(3600)
            await append(*records, **more)

        monkeypatch.setattr(w.guard.journal, "append", slow)
        draining = asyncio.create_task(w.guard.queue.drain())
        await on_its_way.wait()
        assert await (await w.store.inner.get("k")).read() == b"older"
        assert (await w.files.put("k", b"newer", idempotency_key="b")).queued
        shutil.copytree(w.guard.folder, tmp_path / "killed", ignore=shutil.ignore_patterns("lock"))
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        monkeypatch.undo()
    again = world(tmp_path / "killed", store=w.store.inner, settings=Settings(retry_seconds=0))
    async with again.guard.running():
        await again.pass_time(120, step=10)
        assert not again.guard.queue.book.waiting
        assert await (await again.files.get("k")).read() == b"newer"
        assert await (await again.store.inner.get("k")).read() == b"newer"
        assert again.store.puts == {"b": 1}
