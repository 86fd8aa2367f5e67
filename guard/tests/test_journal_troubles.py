"""The journal when the disk or the moment is bad: what was acknowledged is in the file that has the name."""

import asyncio
import errno
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from guard.tests.support import world
from guard.tests.test_journal import opened
from tocsin_guard import Settings, disk
from tocsin_guard.errors import GuardError
from tocsin_guard.lines import Record, recover


async def test_rewritten_and_not_known_to_be_named_accepts_nothing_until_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file handle was left to sync the folder with: the old file has no name any more by then."""
    path = tmp_path / "journal"
    live: list[Record] = []
    real, left = disk.sync_folder, [False, False]

    def sync_folder(folder: Path) -> None:
        if left:
            left.pop()
            raise OSError(24, "Too many open files")
        real(folder)

    async with opened(path, live) as journal:
        await journal.append({"n": 1}, applied=lambda: live.append({"n": 1}))
        monkeypatch.setattr(disk, "sync_folder", sync_folder)
        for _ in range(2):
            with pytest.raises(GuardError, match="could not be"):
                await journal.compact()
        assert journal.broken
        await journal.append({"n": 2}, applied=lambda: live.append({"n": 2}))
        assert not journal.broken
        assert recover(path).records == [{"n": 1}, {"n": 2}]


async def test_what_was_noted_is_written_by_itself_after_a_rewrite_that_the_disk_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin_guard.limits.JOURNAL_LAZY_SECONDS", 0.02)
    path = tmp_path / "journal"

    async with opened(path) as journal:

        def full(path: Path, write: object) -> None:
            time.sleep(0.05)
            raise disk.full(path.parent)

        monkeypatch.setattr(disk, "replace_file", full)
        journal.note({"n": 1})
        journal._compaction = asyncio.ensure_future(journal._compact())
        await asyncio.sleep(0.005)
        assert not journal._lazy, "it is being written anew"
        with pytest.raises(GuardError):
            await journal._compaction
        journal.note({"n": 2})
        await asyncio.sleep(0.1)
        assert recover(path).records == [{"n": 1}, {"n": 2}]


async def test_notes_that_never_cease_are_synced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalogue entry may be lost for about a second, not for as long as uploads go on."""
    monkeypatch.setattr("tocsin_guard.limits.JOURNAL_LAZY_SECONDS", 0.1)
    async with opened(tmp_path / "journal") as journal:
        for number in range(40):
            journal.note({"n": number})
            await asyncio.sleep(0.01)
        assert journal.syncs >= 2


async def test_a_barrier_does_not_make_the_writer_forget_what_is_not_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin_guard.limits.JOURNAL_LAZY_SECONDS", 0.1)
    path = tmp_path / "journal"
    async with opened(path) as journal:
        journal.note({"n": 1})
        await asyncio.sleep(0.07)
        assert path.stat().st_size
        await journal.passed()
        assert journal.syncs == 0
        await asyncio.sleep(0.2)
        assert journal.syncs == 1


async def test_a_journal_that_accepts_nothing_is_written_anew_without_anybody_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad moment of the disk while all is well, when nobody queues anything for days."""
    w = world(tmp_path / "guard")
    async with w.guard.running():
        bad = Bad()
        monkeypatch.setattr(disk, "sync_data", bad)
        monkeypatch.setattr(os, "fsync", bad)
        await w.files.put("k", b"1")
        with pytest.raises(GuardError):
            await w.guard.journal.append({"kind": "refused"})
        await w.pass_time(2)
        full = [w.guard.disk_full]
        bad.left = False
        await w.pass_time(12)
        assert not w.guard.journal.broken
        assert [*full, w.guard.disk_full] == [True, False]
        found = {r["key"] for r in recover(w.guard.journal.path).records if r["kind"] == "object"}
        assert "k" in found, "what was noted meanwhile is there too"


async def test_a_journal_that_somebody_took_away_is_written_anew(tmp_path: Path) -> None:
    """By rm, or by a rotation of logs: what went on into the nameless file would be gone with the restart."""
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0))
    path = w.guard.journal.path
    async with w.guard.running():
        w.store.down = True
        await w.files.put("before", b"1")
        path.rename(tmp_path / "journal.1")
        await w.pass_time(2)
        await w.files.put("after", b"2")
        told = [event.message for event in w.guard.events.select(9, type="disk_full")]
        assert told == [
            f"{path} was taken away or replaced: nothing is accepted until it has been written anew."
        ]
        assert [r["key"] for r in recover(path).records if r["kind"] == "taken"] == ["before", "after"]


async def test_a_failed_sync_accepts_nothing_until_everything_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: list[Record] = []
    real, broken = os.fdatasync, True

    def failing(handle: int) -> None:
        if broken:
            raise OSError(5, "Input/output error")
        real(handle)

    path = tmp_path / "journal"
    async with opened(path, live) as journal:
        await journal.append({"kind": "before"}, applied=lambda: live.append({"kind": "before"}))
        monkeypatch.setattr(os, "fdatasync", failing)
        with pytest.raises(GuardError, match="could not be synced"):
            await journal.append({"kind": "lost"}, applied=lambda: live.append({"kind": "lost"}))
        assert journal.broken
        broken = False
        await journal.append({"kind": "after"}, applied=lambda: live.append({"kind": "after"}))
        assert not journal.broken
    assert recover(path).records == [{"kind": "before"}, {"kind": "after"}]


async def test_a_rewritten_file_that_cannot_be_opened_is_not_taken_for_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one has no name any more: whatever went there would be gone with the next start."""
    path, live = tmp_path / "journal", [{"kind": "live"}]
    real = os.open

    def no_handles(name: Any, flags: int, mode: int = 0o777) -> int:
        if name == path:
            raise OSError(errno.EMFILE, "Too many open files")
        return real(name, flags, mode)

    async with opened(path, live) as journal:
        monkeypatch.setattr(os, "open", no_handles)
        with pytest.raises(GuardError) as refused:
            await journal.compact()
        assert str(refused.value) == (
            f"{path} could not be opened (Too many open files): "
            "nothing is accepted until it has been written anew."
        )
        with pytest.raises(GuardError):
            await journal.append({"kind": "refused"})
        monkeypatch.setattr(os, "open", real)
        await journal.append({"kind": "kept"})
    assert recover(path).records == [*live, {"kind": "kept"}]


FULL = """
import asyncio, os, resource, signal, sys
from pathlib import Path
from tocsin_guard.errors import DiskFull
from tocsin_guard.journal import Journal
from tocsin_guard.lines import recover

path = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

async def main():
    journal = Journal(path, lambda: [])
    journal.start()
    kept, refused = [], 0
    for n in range(300):
        try:
            await journal.append({"kind": "n", "n": n, "pad": "x" * 100})
            kept.append(n)
        except DiskFull as error:
            refused += 1
            text = str(error)
    assert refused > 100, refused
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.append({"kind": "n", "n": 1000})
    kept.append(1000)
    await journal.stop()
    found = recover(path)
    assert [r["n"] for r in found.records] == kept, "kept and found differ"
    assert found.torn_bytes == 0 and found.damaged_lines == 0
    print(text)

asyncio.run(main())
"""


def test_a_disk_that_takes_no_more_refuses_clearly_and_loses_nothing(tmp_path: Path) -> None:
    """The kernel itself refuses in the middle of a write: a file size limit stands in for the full disk."""
    assert resource.RLIMIT_FSIZE is not None
    source = Path(__file__).resolve().parent.parent / "src"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "journal")],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = f"The disk of {tmp_path} is full: refused, and nothing was stored. Free some space there."
    assert done.stdout.strip() == expected


async def test_a_write_that_was_refused_does_not_come_back_over_a_newer_one_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was written and could not be synced; what came after it went straight to the store."""
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0))
    async with w.guard.running():
        w.store.down = True
        monkeypatch.setattr(disk, "sync_data", Bad())
        with pytest.raises(GuardError):
            await w.files.put("k", b"refused")
        w.store.down = False
        assert not (await w.files.put("k", b"newer")).queued
        found = [r for r in recover(w.guard.journal.path).records if r["kind"] == "taken"]
        assert found == [], "killed now, the restart would put it on top"
        monkeypatch.undo()


async def test_a_rewrite_for_which_there_is_no_memory_is_refused_and_the_old_file_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"

    def too_much(path: Path, write: object) -> None:
        raise MemoryError

    async with opened(path) as journal:
        await journal.append({"n": 1})
        monkeypatch.setattr(disk, "replace_file", too_much)
        with pytest.raises(GuardError) as refused:
            await asyncio.wait_for(journal.compact(), 5)
        assert str(refused.value) == f"{path}: out of memory."
        await asyncio.wait_for(journal.append({"n": 2}), 5)
    assert recover(path).records == [{"n": 1}, {"n": 2}]


class Bad:
    """A disk that syncs nothing for the time being."""

    left = True

    def __call__(self, handle: int) -> None:
        if self.left:
            raise OSError(5, "Input/output error")
