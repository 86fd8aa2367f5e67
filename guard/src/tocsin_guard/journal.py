"""The local journal: append-only, checksummed lines, fsynced before a caller hears that it is kept.

One thread writes: what was handed over in one turn of the event loop, and whatever else is waiting, goes out
in one write and one fsync (group commit), so the cost of the disk is shared, and that of waking the thread.

- Disk full: the batch is taken back, its callers get DiskFull, the journal goes on.
- A failed fsync, or a file that somebody took away: nobody knows what is on the disk, so nothing more is
  accepted until the whole journal has been written anew, which is tried with the next append, and by itself.
- It is rewritten from live state when it has grown enough (compaction): old file or new file, never a mix.

What stands in the file, and how it is read after a crash: `lines`.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tocsin_guard import disk, limits
from tocsin_guard.errors import GuardError
from tocsin_guard.growing import GrowingFile
from tocsin_guard.lines import Record, encode


@dataclass(slots=True)
class Entry:
    """What was handed over in one go. `applied` runs on the loop as soon as it is on the disk."""

    data: bytes
    durable: bool
    applied: Callable[[], None] | None
    done: asyncio.Future[None] | None
    lazy: int = 0  # how many records nobody waits for

    async def kept(self) -> None:
        """Return when it is on the disk; raises what the disk said."""
        assert self.done is not None, "nobody may wait for what is written without waiting"
        await self.done


@dataclass(slots=True)
class _Rewrite:
    records: list[Record]
    done: asyncio.Future[None]


@dataclass(slots=True)
class _Stop:
    done: asyncio.Future[None]


_Item = Entry | _Rewrite | _Stop


@dataclass
class Journal:
    """`snapshot` gives the records that stand for everything live; it is called on the event loop."""

    path: Path
    snapshot: Callable[[], Iterable[Record]]
    compact_min_bytes: int = limits.JOURNAL_COMPACT_MIN_BYTES
    dropped: int = 0  # lazy records that did not reach the disk
    syncs: int = 0  # how often the disk was waited for: what it costs, for whoever measures
    broken: str = ""  # why nothing is accepted at present
    _queue: "queue.SimpleQueue[list[_Item]]" = field(default_factory=queue.SimpleQueue)
    _turn: list[_Item] = field(default_factory=list)  # handed over in this turn of the loop
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _lazy: list[Record] = field(default_factory=list)
    _alone: bool = True  # one thing was handed over in the last turn
    _waiting: int = 0
    _base: int = 0  # its size after the last rewrite
    _file: GrowingFile = field(init=False)
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _compaction: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open for appending, on the running loop. Call `recover` before."""
        disk.make_folder(self.path.parent)
        self._file = GrowingFile(self.path)
        disk.sync_folder(self.path.parent)
        self._base = self._file.size
        self._loop, self._open = asyncio.get_running_loop(), asyncio.Event()  # which belongs to one loop
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
        stop, thread, self._thread = _Stop(self._loop.create_future()), self._thread, None
        self._put(stop)  # whoever comes after it is told that guard is not running
        await stop.done
        thread.join()

    async def append(self, *records: Record, applied: Callable[[], None] | None = None) -> None:
        """Return when the records are on the disk, all or none; `applied` runs right then, in append
        order.
        """
        await (await self.hand_over(*records, applied=applied)).kept()

    async def hand_over(self, *records: Record, applied: Callable[[], None] | None = None) -> Entry:
        """The same without waiting for the disk: the writer has it when this returns."""
        while self.broken or not self._open.is_set():
            await self._ready()
        loop = self._running()
        data = b"".join(map(encode, records))  # raises for what is no JSON, before anything is counted
        self._hand_over()
        self._waiting += 1
        entry = Entry(data, True, applied, loop.create_future())
        self._put(entry)
        return entry

    async def passed(self) -> None:
        """Return when it is known of everything appended so far whether it is on the disk."""
        barrier: asyncio.Future[None] = self._running().create_future()
        self._waiting += 1
        self._put(Entry(b"", False, None, barrier))
        await barrier

    def note(self, record: Record) -> None:
        """Keep a record soon, without waiting: for events and minutes, which may be lost in a crash. It is
        not to be changed afterwards: it becomes a line when the others do that have gathered.
        """
        if self._thread is None or self._loop is None or self.broken:
            self.dropped += 1
            return
        if not self._lazy:
            self._soon()
        self._lazy.append(record)

    def _soon(self) -> None:
        assert self._loop is not None
        self._loop.call_later(limits.JOURNAL_LAZY_SECONDS / 2, self._hand_over)

    def _hand_over(self) -> None:
        """Give what was noted to the writer: in time, or before anything that somebody waits for."""
        if self._lazy and self._thread is not None and self._open.is_set():
            noted, self._lazy = self._lazy, []
            self._waiting += 1
            self._put(Entry(b"".join(self._lines(noted)), False, None, None, len(noted)))
        elif self._lazy and self._thread is not None:
            self._soon()

    def _lines(self, noted: list[Record]) -> Iterator[bytes]:
        for record in noted:
            try:
                yield encode(record)
            except (TypeError, ValueError):  # kept on the list it would stop everything behind it
                self.dropped += 1

    def _put(self, item: _Item) -> None:
        """Everything that goes to the writer, in this order. Who was alone in the turn before is taken to be
        so again, and need not wait for the end of this one.
        """
        assert self._loop is not None
        if self._alone and self._waiting <= 1 and not self._turn:
            self._queue.put([item])
            return
        if not self._turn:
            self._loop.call_soon(self._end_turn)
        self._turn.append(item)

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, []
        self._alone = len(turn) == 1
        self._queue.put(turn)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._thread is None:
            raise GuardError("guard is not running; start it first (the ASGI lifespan does).")
        return self._loop

    async def _ready(self) -> None:
        await self._open.wait()
        if self.broken:
            await self.compact()

    def look(self) -> None:
        """Find out whether the file is still where the next start will look for it."""
        if self._thread and not self.broken and self._open.is_set() and not self._file.has_name(self.path):
            self._break("was taken away or replaced")

    # Compaction: hold new appends back, wait for those under way, write live state to a new file.

    def compact_due(self) -> bool:
        return self._file.size > max(self.compact_min_bytes, self._base * limits.JOURNAL_COMPACT_FACTOR)

    async def compact(self) -> None:
        """Rewrite the journal from live state now. Raises, and leaves the old file, if the disk refuses."""
        if self._compaction is None or self._compaction.done():
            self._compaction = self._running().create_task(self._compact())
            self._compaction.add_done_callback(_heard)  # whoever asked may be gone by then
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
            self._put(rewrite)
            try:
                await rewrite.done
            except GuardError:
                self._lazy = noted + self._lazy
                self._soon()
                raise
            self.broken = ""
        finally:
            self._open.set()

    # The writer thread.

    def _write_loop(self) -> None:
        unsynced = False
        while True:
            try:
                items = self._queue.get(timeout=limits.JOURNAL_LAZY_SECONDS if unsynced else None)
            except queue.Empty:
                error = self._sync()
                unsynced = False
                if error is not None:
                    self._say(self._told, [], error)
                continue
            while not self._queue.empty() and len(items) < 4096:
                items += self._queue.get()
            entries: list[Entry] = []
            for item in items:
                if isinstance(item, Entry):
                    entries.append(item)
                    continue
                unsynced = self._write(entries, unsynced)
                entries = []
                if isinstance(item, _Stop):
                    self._sync()
                    self._file.close()
                    self._say(item.done.set_result, None)
                    return
                self._rewrite(item)
            unsynced = self._write(entries, unsynced)

    def _write(self, entries: list[Entry], unsynced: bool) -> bool:
        """One batch: write, fsync if somebody waits, tell. True if something is left to sync."""
        if not entries:
            return unsynced
        data = b"".join([e.data for e in entries])
        # Notes wait for one more batch of notes at most: where they never cease, no pause would come to sync.
        due = any(e.durable for e in entries) or bool(unsynced and data)
        error: BaseException | None = None
        if self.broken:
            error = GuardError(self.broken)
        else:
            try:
                self._file.write(data)
                unsynced = unsynced or bool(data)
            except OSError as failure:
                error = self._take_back(failure)
            if error is None and due:
                error, unsynced = self._sync(), False
        self._say(self._told, entries, error)
        return unsynced and not self.broken

    def _sync(self) -> BaseException | None:
        self.syncs += 1
        try:
            self._file.sync()
        except OSError as failure:
            return self._break(f"could not be synced ({failure.strerror})")
        return None

    def _take_back(self, failure: OSError) -> BaseException:
        try:
            self._file.cut()
        except OSError:
            return self._break(f"could not be cut back after a failed write ({failure.strerror})")
        if failure.errno in disk.FULL:
            return disk.full(self.path.parent)
        return GuardError(f"{self.path} could not be written ({failure.strerror}); the request was not kept.")

    def _break(self, what: str) -> GuardError:
        self.broken = f"{self.path} {what}: nothing is accepted until it has been written anew."
        return GuardError(self.broken)

    def _rewrite(self, item: _Rewrite) -> None:
        try:
            data = b"".join(self._lines(item.records))
            disk.replace_file(self.path, lambda handle: disk.write_all(handle, data))
            file = GrowingFile(self.path)
        except (OSError, GuardError, MemoryError) as error:  # whatever it was, the thread must go on
            why = str(error.strerror if isinstance(error, OSError) else error) or "out of memory"
            failure = error if isinstance(error, GuardError) else GuardError(f"{self.path}: {why}.")
            if not self._file.has_name(self.path):  # what goes there would be gone with the next start
                failure = self._break(f"could not be opened ({why})")
            self._say(item.done.set_exception, failure)
            return
        self._file.close()
        self._file, self._base = file, file.size
        self._say(item.done.set_result, None)

    def _say(self, act: Callable[..., object], *arguments: object) -> None:
        """Have the loop do it, in the order of saying."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act, *arguments)

    def _told(self, entries: list[Entry], error: BaseException | None) -> None:
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
        under_way = self._compaction is not None and not self._compaction.done()
        if error is None and self.compact_due() and not under_way and self._loop is not None:
            self._compaction = self._loop.create_task(self._compact_quietly())

    async def _compact_quietly(self) -> None:
        try:
            await self._compact()
        except GuardError:
            # The old file stands and is whole. Ask again only when it has grown as much once more.
            self._base = self._file.size


def _heard(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
