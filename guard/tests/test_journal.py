"""The journal: what was acknowledged is there after a torn write, damage, a full disk, a failed fsync,
a rewrite.
"""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guard.tests.support import world
from tocsin_guard import disk, limits
from tocsin_guard.errors import DiskFull, GuardError
from tocsin_guard.journal import Journal
from tocsin_guard.lines import Record, decode, encode, recover


@asynccontextmanager
async def opened(path: Path, live: list[Record] | None = None, **options: Any) -> AsyncIterator[Journal]:
    journal = Journal(path, lambda: list(live or []), **options)
    journal.start()
    try:
        yield journal
    finally:
        await journal.stop()


def records(count: int) -> list[Record]:
    return [{"kind": "n", "n": n, "text": "ü\n" * (n % 3)} for n in range(count)]


def test_a_line_comes_back_as_it_was() -> None:
    for record in records(5):
        line = encode(record)
        assert line.count(b"\n") == 1
        assert decode(line) == record


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"\x1b", b"\x1bn", b"\x1be\n", b"\t", b"a,b\n1,2\n", b"\x1b\x1b\n\nn\x1b", os.urandom(5000)],
)
def test_a_line_carries_any_bytes(body: bytes) -> None:
    record: Record = {"kind": "n", "text": "tab\tend", "body": body}
    line = encode(record)
    assert line.count(b"\n") == 1
    assert decode(line) == record


def test_text_that_a_record_carries_can_be_read_in_the_journal() -> None:
    assert encode({"kind": "n", "body": b"1,2"}).endswith(b'{"kind":"n","body":null}\t1,2\n')


def test_a_body_that_looks_like_lines_of_the_journal_is_a_body(tmp_path: Path) -> None:
    """Who uploads may write what he likes: also where the line before it is damaged."""
    forged = b"\n" + encode({"kind": "moved", "id": 1}) * 3
    path = tmp_path / "journal"
    line = encode({"kind": "n", "body": forged})
    path.write_bytes(b"x" + line[1:] + encode({"kind": "last"}))
    found = recover(path)
    assert (found.records, found.damaged_lines) == ([{"kind": "last"}], 1)


async def test_what_was_appended_is_found_again_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with opened(path) as journal:
        for record in records(20):
            await journal.append(record)
    found = recover(path)
    assert (found.records, found.torn_bytes, found.damaged_lines) == (records(20), 0, 0)


async def test_a_tail_torn_at_any_byte_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with opened(path) as journal:
        await journal.append(*records(4))
    whole = path.read_bytes()
    starts = [0]
    for line in whole.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        found = recover(path)
        complete = max(i for i, start in enumerate(starts) if start <= cut)
        assert found.records == records(4)[:complete]
        assert found.torn_bytes == cut - starts[complete]
        assert path.read_bytes() == whole[: starts[complete]], "the torn tail is cut off"


async def test_room_made_ready_is_used_and_given_back(tmp_path: Path) -> None:
    """The file grows by zeros, which are written over; a crash leaves them, and they are read as nothing."""
    path = tmp_path / "journal"
    room = limits.JOURNAL_ROOM_BYTES
    async with opened(path) as journal:
        await journal.append(*records(3))
        killed = path.read_bytes()
        written = killed.rstrip(b"\0")
        assert written.endswith(b"\n")
        assert len(killed) == len(written) + room
        await journal.append({"kind": "n", "pad": "x" * room})
        assert path.stat().st_size == len(path.read_bytes().rstrip(b"\0")) + room
        await journal.append({"kind": "last"})
    assert path.read_bytes().endswith(encode({"kind": "last"})), "closed, it is no longer than what it holds"
    path.write_bytes(killed)
    found = recover(path)
    assert (found.records, found.torn_bytes, found.damaged_lines) == (records(3), 0, 0)
    assert path.read_bytes() == written
    async with opened(path) as journal:
        await journal.append({"kind": "last"})
    assert recover(path).records == [*records(3), {"kind": "last"}]


@given(data=st.data(), body=st.binary(max_size=3_000), count=st.integers(1, 6))
@settings(max_examples=60)
def test_a_power_cut_in_the_middle_of_a_write_loses_only_what_it_wrote(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, body: bytes, count: int
) -> None:
    """The disk keeps some blocks of the write and not others, in no order; the rest is zeros as before."""
    path = tmp_path_factory.mktemp("cut") / "journal"
    kept = records(3)
    before = b"".join(map(encode, kept))
    writing: list[Record] = [{"kind": "w", "n": n, "body": b"%d" % n + body} for n in range(count)]
    image = bytearray(before + b"".join(map(encode, writing)) + bytes(5_000))
    for block in range(len(before) // 512, len(image) // 512 + 1):
        if data.draw(st.booleans()):
            begin = max(block * 512, len(before))
            image[begin : (block + 1) * 512] = bytes(len(image[begin : (block + 1) * 512]))
    path.write_bytes(image)
    found = recover(path).records
    assert found[:3] == kept
    assert [record for record in writing if record in found] == found[3:]
    assert recover(path).records == found, "what was found stays found"


async def test_where_no_room_is_for_zeros_the_record_itself_still_goes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = tmp_path / "journal", os.pwrite

    def full(handle: int, data: memoryview, position: int) -> int:
        if position + len(data) > 10_000:
            real(handle, data[: 10_000 - position], position)
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data, position)

    monkeypatch.setattr(os, "pwrite", full)
    kept = []
    async with opened(path) as journal:
        for n in range(100):
            with suppress(DiskFull):
                await journal.append({"kind": "n", "n": n, "pad": "x" * 200})
                kept.append(n)
        assert 30 < len(kept) < 60
        assert path.stat().st_size < 10_000
    found = recover(path)
    assert ([r["n"] for r in found.records], found.torn_bytes, found.damaged_lines) == (kept, 0, 0)


async def test_damage_in_the_middle_costs_one_line_and_the_file_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with opened(path) as journal:
        await journal.append(*records(5))
    lines = path.read_bytes().splitlines(keepends=True)
    for place in range(12, len(lines[2]) - 1):
        damaged = bytearray(lines[2])
        damaged[place] ^= 1
        path.write_bytes(b"".join([*lines[:2], bytes(damaged), *lines[3:]]))
        found = recover(path)
        assert found.records == [r for r in records(5) if r["n"] != 2]
        assert found.damaged_lines >= 1
    assert list(tmp_path.glob("journal.damaged-*"))


async def test_damage_to_the_last_line_is_damage_and_not_a_torn_tail(tmp_path: Path) -> None:
    """Somebody may have heard that it is kept."""
    path = tmp_path / "journal"
    async with opened(path) as journal:
        await journal.append(*records(3))
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + b"x" + whole[-2:])
    found = recover(path)
    assert (found.records, found.torn_bytes, found.damaged_lines) == (records(2), 0, 1)
    assert (tmp_path / "journal.damaged-1").stat().st_size == len(whole)


@pytest.mark.parametrize("line", [0, 1, 2])
def test_where_only_the_end_of_a_line_is_damaged_no_record_is_lost(tmp_path: Path, line: int) -> None:
    kept: list[Record] = [{"kind": "n", "n": n, "body": b"a,b\n1,2\n"} for n in range(3)]
    lines = [encode(record) for record in kept]
    lines[line] = lines[line][:-1] + b"\x0b"
    (tmp_path / "journal").write_bytes(b"".join(lines))
    found = recover(tmp_path / "journal")
    assert (found.records, found.torn_bytes, found.damaged_lines) == (kept, 0, 1)


def test_a_body_that_looks_like_a_line_is_no_record_where_its_own_is_damaged(tmp_path: Path) -> None:
    forged = b"x" + encode({"kind": "forged"})
    line = bytearray(encode({"kind": "n", "body": forged}))
    line[12] ^= 1
    (tmp_path / "journal").write_bytes(bytes(line))
    assert recover(tmp_path / "journal").records == []


async def test_damage_is_told_once(tmp_path: Path) -> None:
    """The journal is written anew, and the file that was damaged stays beside it as it was."""
    w = world(tmp_path / "guard")
    async with w.guard.running():
        await w.files.put("k", b"1")
    path = w.guard.journal.path
    damaged = path.read_bytes().replace(b'"kind":"object"', b'"kind":"abject"')
    path.write_bytes(damaged)
    for minutes, told in ((1, 1), (2, 0)):
        w = world(tmp_path / "guard")
        w.clock.advance(60 * minutes)
        async with w.guard.running():
            new = w.guard.events.select(2, type="journal_damaged", since=w.clock.now())
            assert len(list(new)) == told
    assert (tmp_path / "guard" / "journal.damaged-1").read_bytes() == damaged
    assert not (tmp_path / "guard" / "journal.damaged-2").exists()


async def test_records_of_another_version_are_skipped_told_and_kept_aside(tmp_path: Path) -> None:
    """After a step back to an older version the service must start."""
    w = world(tmp_path / "guard")
    async with w.guard.running():
        await w.files.put("k", b"1")
    path = w.guard.journal.path
    newer = encode({"kind": "event", "id": 9, "at": 1.0, "level": "fatal", "type": "t", "message": "m"})
    newer += encode({"kind": "broadcast", "id": 1, "mood": "good"}) + encode({"kind": "taken", "id": 7})
    path.write_bytes(path.read_bytes() + newer)
    (tmp_path / "guard" / "spool" / "7.body").write_bytes(b"precious")
    w = world(tmp_path / "guard", store=w.store.inner)
    async with w.guard.running():
        assert await (await w.files.get("k")).read() == b"1"
        told = [event.message for event in w.guard.events.select(9, type="journal_damaged")]
    assert told == [
        "3 records of the journal were not understood and skipped, as those of another version of guard are; "
        "a copy is kept beside it.",
        "7.body belongs to no line of the journal that can be read; it is now lost+found/7.body.",
    ]
    assert newer in (tmp_path / "guard" / "journal.damaged-1").read_bytes()


async def test_what_is_handed_over_in_one_turn_shares_a_sync(tmp_path: Path) -> None:
    async with opened(tmp_path / "journal") as journal:
        for shared in (2, 1, 1):  # the very first is taken to be alone
            before = journal.syncs
            await asyncio.gather(*(journal.append(record) for record in records(50)))
            assert journal.syncs <= before + shared


async def test_waiting_appends_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = 0
    real = os.fdatasync

    def counted(handle: int) -> None:
        nonlocal syncs
        syncs += 1
        real(handle)

    monkeypatch.setattr(os, "fdatasync", counted)
    async with opened(tmp_path / "journal") as journal:
        await asyncio.gather(*(journal.append(record) for record in records(500)))
        assert syncs < 100
    assert len(recover(tmp_path / "journal").records) == 500


async def test_a_caller_who_has_gone_keeps_back_nobody_elses_answer(tmp_path: Path) -> None:
    loop, raised = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: raised.append(context["message"]))
    async with opened(tmp_path / "journal") as journal:
        gone = loop.create_future()
        gone.cancel()
        # Both are said before the loop hears anything, as by one turn of the writer.
        journal._say(partial(gone.set_result, None))
        kept = loop.create_future()
        journal._say(partial(kept.set_result, None))
        await asyncio.wait_for(kept, 1)
    assert len(raised) == 1


async def test_a_lazy_record_reaches_the_disk_within_about_a_second(tmp_path: Path) -> None:
    async with opened(tmp_path / "journal") as journal:
        journal.note({"kind": "lazy"})
        for _ in range(300):
            await asyncio.sleep(0.01)
            if recover(tmp_path / "journal").records:
                break
        assert recover(tmp_path / "journal").records == [{"kind": "lazy"}]


async def test_what_is_no_json_is_dropped_counted_and_stops_nothing_behind_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "journal") as journal:
        journal.note({"kind": "bad", "thing": object()})
        journal.note({"kind": "good"})
        await journal.append({"kind": "waited for"})
        assert journal.dropped == 1
    assert recover(tmp_path / "journal").records == [{"kind": "good"}, {"kind": "waited for"}]


async def test_rewriting_keeps_live_state_and_what_is_appended_meanwhile(tmp_path: Path) -> None:
    live: list[Record] = []
    path = tmp_path / "journal"

    async def add(journal: Journal, record: Record) -> None:
        await journal.append(record, applied=lambda: live.append(record))

    async with opened(path, live, compact_min_bytes=2000) as journal:
        await asyncio.gather(*(add(journal, record) for record in records(300)))
        await asyncio.gather(
            journal.compact(), *(add(journal, {"kind": "late", "n": n}) for n in range(50)), journal.compact()
        )
        del live[:290]
        await journal.compact()
        assert path.stat().st_size < 6000
        await add(journal, {"kind": "last"})
    assert recover(path).records == live
    assert path.stat().st_size < 6000


async def test_rewriting_loses_nothing_that_was_on_its_way_to_the_disk(tmp_path: Path) -> None:
    live: list[Record] = []
    path = tmp_path / "journal"
    async with opened(path, live) as journal:
        for number in range(40):
            record: Record = {"kind": "n", "n": number}
            adding = asyncio.ensure_future(journal.append(record, applied=partial(live.append, record)))
            await asyncio.sleep(0 if number % 2 else 0.0003)
            await journal.compact()
            await adding
            assert recover(path).records == live
    assert len(live) == 40


async def test_it_is_rewritten_by_itself_when_it_has_grown(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with opened(path, [{"kind": "live"}], compact_min_bytes=1000) as journal:
        for n in range(200):
            await journal.append({"kind": "old", "n": n, "pad": "x" * 50})
        await asyncio.sleep(0.1)
        assert len(path.read_bytes().rstrip(b"\0")) < 5000


def test_a_file_that_cannot_be_replaced_stands_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    disk.replace_file(path, lambda handle: disk.write_all(handle, b"old"))

    def full(handle: int) -> None:
        disk.write_all(handle, b"new")
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskFull):
        disk.replace_file(path, full)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    first, second = disk.FolderLock(tmp_path), disk.FolderLock(tmp_path)
    first.take()
    with pytest.raises(GuardError, match="is in use by another process"):
        second.take()
    first.free()
    second.take()
    second.free()
