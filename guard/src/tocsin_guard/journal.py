"""The local journal: append-only, checksummed lines, fsynced before a caller hears that it is kept.

One line is eight hexadecimal digits of CRC-32, a blank, and JSON; people can read it. Bytes that a record
carries, the body of a small upload, stand after a tab behind the JSON, as they are but for line ends. One
thread writes: whatever is waiting goes out in one write and one fsync (group commit), so the cost of the disk
is shared.

- Crash while writing: the torn tail, a line without its end, is cut off at the next start. It was never
  acknowledged.
- A damaged line: it is skipped and counted, the file is kept aside as `journal.damaged-...`, everything
  readable is used, and the journal is written anew.
- Disk full: the batch is taken back, its callers get DiskFull, the journal goes on.
- A failed fsync: nobody knows what is on the disk, so nothing more is accepted until the whole journal has
  been written anew, which is tried with the next append.
- It is rewritten from live state when it has grown enough (compaction): old file or new file, never a mix.
"""

import asyncio
import json
import os
import queue
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tocsin_guard import disk, limits
from tocsin_guard.errors import GuardError

Record = dict[str, Any]  # {"kind": ..., ...}: what JSON can hold


_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


BODY = "body"  # the one part of a record that is bytes


def encode(record: Record) -> bytes:
    body = record.get(BODY)
    if body is None:
        text = _json(record).encode()
    else:
        text = b"%s\t%s" % (_json({**record, BODY: None}).encode(), _escaped(body))
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> Record | None:
    """The record in a whole line, or None if it is damaged."""
    if len(line) < 11 or line[8:9] != b" " or not line.endswith(b"\n"):
        return None
    try:
        if int(line[:8], 16) != zlib.crc32(line[9:-1]):
            return None
        text, tab, body = line[9:-1].partition(b"\t")  # JSON has no tab: it writes \t
        record = json.loads(text)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    return record | {BODY: _unescaped(body)} if tab else record


# Escape never stands alone afterwards: "escape n" is a line end, "escape e" an escape.


def _escaped(body: bytes) -> bytes:
    return body.replace(b"\x1b", b"\x1be").replace(b"\n", b"\x1bn")


def _unescaped(text: bytes) -> bytes:
    return text.replace(b"\x1bn", b"\n").replace(b"\x1be", b"\x1b")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found at the start."""

    records: list[Record]
    torn_bytes: int
    damaged_lines: int


def recover(path: Path) -> Recovery:
    """Read a journal; cut off a torn tail. A file that is not there is an empty journal."""
    if not path.exists():
        return Recovery([], 0, 0)
    records: list[Record] = []
    whole = position = damaged = 0
    with path.open("rb") as file:
        for line in file:
            position += len(line)
            if (record := decode(line)) is not None:
                records.append(record)
            elif line.endswith(b"\n"):
                damaged += 1  # also the last one: somebody may have heard that it is kept
            else:
                break
            whole = position
    if damaged:
        keep_aside(path)
    if position > whole:
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())
    return Recovery(records, position - whole, damaged)


def keep_aside(path: Path) -> None:
    """Have the file as it is under a name of its own, also when the journal is written anew."""
    for number in range(1, 1000):
        copy = path.with_name(f"{path.name}.damaged-{number}")
        if not copy.exists():
            os.link(path, copy)
            return


@dataclass(slots=True)
class _Entry:
    data: bytes
    durable: bool
    applied: Callable[[], None] | None
    done: asyncio.Future[None] | None
    lazy: int = 0  # how many records nobody waits for


@dataclass(slots=True)
class _Rewrite:
    records: list[Record]
    done: asyncio.Future[None]


@dataclass(slots=True)
class _Stop:
    done: asyncio.Future[None]


@dataclass
class Journal:
    """`snapshot` gives the records that stand for everything live; it is called on the event loop."""

    path: Path
    snapshot: Callable[[], Iterable[Record]]
    compact_min_bytes: int = limits.JOURNAL_COMPACT_MIN_BYTES
    dropped: int = 0  # lazy records that did not reach the disk
    written_bytes: int = 0  # appended since the start, and
    syncs: int = 0  # how often the disk was waited for: what it costs, for whoever measures
    broken: str = ""  # why nothing is accepted at present
    _queue: "queue.SimpleQueue[_Entry | _Rewrite | _Stop]" = field(default_factory=queue.SimpleQueue)
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _lazy: list[Record] = field(default_factory=list)
    _waiting: int = 0
    _size: int = 0
    _base: int = 0
    _handle: int = -1
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _said: "deque[Callable[[], object]]" = field(default_factory=deque)  # by the writer, for the loop to do
    _bell: tuple[int, int] = (-1, -1)  # a pipe: the writer rings when it has said something
    _compaction: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open for appending, on the running loop. Call `recover` before."""
        disk.make_folder(self.path.parent)
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
        self._handle = os.open(self.path, flags, 0o600)
        disk.sync_folder(self.path.parent)
        self._size = self._base = os.fstat(self._handle).st_size
        self._loop = asyncio.get_running_loop()
        self._bell = os.pipe()
        for end in self._bell:
            os.set_blocking(end, False)
        self._loop.add_reader(self._bell[0], self._hear)
        self._open.set()
        self._thread = threading.Thread(target=self._write_loop, name="guard-journal", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Write what is waiting, and close."""
        if self._loop is None or self._thread is None:
            return
        if self._compaction is not None:
            await asyncio.gather(self._compaction, return_exceptions=True)
        self._hand_over()
        stop = _Stop(self._loop.create_future())
        self._queue.put(stop)
        await stop.done
        self._thread.join()
        self._loop.remove_reader(self._bell[0])
        for handle in (self._handle, *self._bell):
            os.close(handle)
        self._thread, self._handle = None, -1

    async def append(self, *records: Record, applied: Callable[[], None] | None = None) -> None:
        """Return when the records are on the disk, all or none; `applied` runs right then, in append
        order.
        """
        while self.broken or not self._open.is_set():
            await self._ready()
        loop = self._running()
        self._hand_over()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting += 1
        self._queue.put(_Entry(b"".join(map(encode, records)), True, applied, done))
        await done

    async def passed(self) -> None:
        """Return when it is known of everything appended so far whether it is on the disk."""
        barrier: asyncio.Future[None] = self._running().create_future()
        self._waiting += 1
        self._queue.put(_Entry(b"", False, None, barrier))
        await barrier

    def note(self, record: Record) -> None:
        """Keep a record soon, without waiting: for events and minutes, which may be lost in a crash."""
        if self._thread is None or self._loop is None or self.broken:
            self.dropped += 1
            return
        if not self._lazy:
            self._loop.call_later(limits.JOURNAL_LAZY_SECONDS / 2, self._hand_over)
        self._lazy.append(record)

    def _hand_over(self) -> None:
        """Give what was noted to the writer: in time, or before anything that somebody waits for."""
        if self._lazy and self._thread is not None and self._open.is_set():
            self._waiting += 1
            self._queue.put(_Entry(b"".join(map(encode, self._lazy)), False, None, None, len(self._lazy)))
            self._lazy = []
        elif self._lazy and self._loop is not None and self._thread is not None:
            self._loop.call_later(limits.JOURNAL_LAZY_SECONDS / 2, self._hand_over)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._thread is None:
            raise GuardError("guard is not running; start it first (the ASGI lifespan does).")
        return self._loop

    async def _ready(self) -> None:
        await self._open.wait()
        if self.broken:
            await self.compact()

    # Compaction: hold new appends back, wait for those under way, write live state to a new file.

    def compact_due(self) -> bool:
        return self._size > max(self.compact_min_bytes, self._base * limits.JOURNAL_COMPACT_FACTOR)

    async def compact(self) -> None:
        """Rewrite the journal from live state now. Raises, and leaves the old file, if the disk refuses."""
        if self._compaction is None or self._compaction.done():
            self._compaction = self._running().create_task(self._compact())
        await asyncio.shield(self._compaction)

    async def _compact(self) -> None:
        loop = self._running()
        self._open.clear()
        try:
            while self._waiting:
                await self.passed()
            # What was noted and not written yet is part of the live state already.
            noted, self._lazy = self._lazy, []
            rewrite = _Rewrite(list(self.snapshot()), loop.create_future())
            self._queue.put(rewrite)
            try:
                await rewrite.done
            except GuardError:
                self._lazy = noted + self._lazy
                raise
            self.broken = ""
        finally:
            self._open.set()

    # The writer thread.

    def _write_loop(self) -> None:
        unsynced = False
        while True:
            try:
                items = [self._queue.get(timeout=limits.JOURNAL_LAZY_SECONDS if unsynced else None)]
            except queue.Empty:
                error = self._sync()
                unsynced = False
                if error is not None:
                    self._say(partial(self._told, [], error))
                continue
            while not self._queue.empty() and len(items) < 4096:
                items.append(self._queue.get())
            entries: list[_Entry] = []
            for item in items:
                if isinstance(item, _Entry):
                    entries.append(item)
                    continue
                unsynced = self._write(entries, unsynced)
                entries = []
                if isinstance(item, _Stop):
                    self._sync()
                    self._say(partial(item.done.set_result, None))
                    return
                self._rewrite(item)
            unsynced = self._write(entries, unsynced)

    def _write(self, entries: list[_Entry], unsynced: bool) -> bool:
        """One batch: write, fsync if somebody waits, tell. True if something is left to sync."""
        if not entries:
            return unsynced
        durable = any(e.durable for e in entries)
        data = b"".join(e.data for e in entries)
        error: BaseException | None = None
        if self.broken:
            error = GuardError(self.broken)
        else:
            try:
                disk.write_all(self._handle, data)
                self._size += len(data)
                self.written_bytes += len(data)
            except OSError as failure:
                error = self._take_back(failure)
            if error is None and durable:
                error = self._sync()
        self._say(partial(self._told, entries, error))
        return bool(data) and not durable and error is None

    def _sync(self) -> BaseException | None:
        self.syncs += 1
        try:
            os.fdatasync(self._handle)
        except OSError as failure:
            return self._break(f"could not be synced ({failure.strerror})")
        return None

    def _take_back(self, failure: OSError) -> BaseException:
        try:
            os.ftruncate(self._handle, self._size)
        except OSError:
            return self._break(f"could not be cut back after a failed write ({failure.strerror})")
        if failure.errno in disk.FULL:
            return disk.full(self.path.parent)
        return GuardError(f"{self.path} could not be written ({failure.strerror}); the request was not kept.")

    def _break(self, what: str) -> BaseException:
        self.broken = f"{self.path} {what}: nothing is accepted until it has been written anew."
        return GuardError(self.broken)

    def _rewrite(self, item: _Rewrite) -> None:
        try:
            disk.replace_file(
                self.path, lambda handle: disk.write_all(handle, b"".join(map(encode, item.records)))
            )
            handle = os.open(self.path, os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC)
        except (OSError, GuardError) as error:
            failure = (
                error if isinstance(error, GuardError) else GuardError(f"{self.path}: {error.strerror}.")
            )
            self._say(partial(item.done.set_exception, failure))
            return
        os.close(self._handle)
        self._handle = handle
        self._size = self._base = os.fstat(handle).st_size
        self._say(partial(item.done.set_result, None))

    def _say(self, act: Callable[[], object]) -> None:
        """Have the loop do it, in the order of saying. As `call_soon_threadsafe`, at half the cost."""
        self._said.append(act)
        with suppress(BlockingIOError):  # the pipe is full of rings that nobody heard yet
            os.write(self._bell[1], b".")

    def _hear(self) -> None:
        assert self._loop is not None
        os.read(self._bell[0], 4096)
        while self._said:
            # Each by itself: what one raises, as where nobody waits any more, must not keep back the others.
            self._loop.call_soon(self._said.popleft())

    def _told(self, entries: list[_Entry], error: BaseException | None) -> None:
        """On the loop: apply and wake, in the order of appending."""
        for entry in entries:
            self._waiting -= 1
            if error is None and entry.applied is not None:
                entry.applied()
            if error is not None and entry.done is None:
                self.dropped += entry.lazy
            if entry.done is None or entry.done.done():
                continue  # whoever waited has been cancelled; what they asked for is kept all the same
            if error is None or not entry.data:
                entry.done.set_result(None)  # without data it is a barrier: it asked only to be passed
            else:
                entry.done.set_exception(error)
        if error is None and self.compact_due() and self._open.is_set() and self._loop is not None:
            self._compaction = self._loop.create_task(self._compact_quietly())

    async def _compact_quietly(self) -> None:
        try:
            await self._compact()
        except GuardError:
            # The old file stands and is whole. Ask again only when it has grown as much once more.
            self._base = self._size
