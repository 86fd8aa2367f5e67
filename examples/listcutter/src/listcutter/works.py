"""Cutting: one cut at a time, each read from the storage as a stream, in a thread, in bounded memory.

A cut that a restart interrupts is still on the shelf as asked for, and is done anew.
"""

import asyncio
import io
import logging
import shutil
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, cast

from listcutter import limits
from listcutter.cut import Cut, Part, Parts, Tally, check, chosen
from listcutter.errors import Busy, ListCutterError, TooMuch, Unknown
from listcutter.rows import Lines, read_rows
from listcutter.seen import Seen
from listcutter.shelf import CutRecord, ListRecord, Shelf, list_key
from tocsin_guard import GuardError

log = logging.getLogger("listcutter")

RETRY_SECONDS = 15.0  # a cut whose list cannot be read now waits so long
RETRY_SECONDS_MAX = 600.0


@dataclass
class Work:
    """A cut that waits or is being made."""

    record: CutRecord
    rows: int
    tally: Tally = field(default_factory=Tally)

    @property
    def share(self) -> float:
        return min(1.0, self.tally.read / self.rows) if self.rows else 0.0


@dataclass
class Works:
    shelf: Shelf
    folder: Path
    retry_seconds: float = RETRY_SECONDS
    waiting: deque[Work] = field(default_factory=deque)
    _recording: dict[str, str] = field(default_factory=dict)  # cuts on their way to the disk, and their lists
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, source: ListRecord, cut: Cut) -> CutRecord:
        """Take a cut on; it is on the disk when this returns."""
        check(cut, source.columns)
        # Those that are being recorded count too, from here to the end without an await: many ask at once.
        waiting = len(self.waiting) + len(self._recording)
        if waiting >= limits.CUTS_WAITING_MAX:
            raise Busy(f"{waiting} cuts are waiting already; try again when some are done.")
        recording = {id for id, of in self._recording.items() if of == source.id}
        if len(self.shelf.cut_ids(source.id) | recording) >= limits.CUTS_KEPT_MAX:
            raise TooMuch(f"A list has at most {limits.CUTS_KEPT_MAX} cuts. Upload it again to go on.")
        record = CutRecord(token_hex(8), source.id, time.time(), cut)
        self._recording[record.id] = source.id
        try:
            await self.shelf.put_cut(record)
        finally:
            del self._recording[record.id]
        self._take(record, source.rows)
        return record

    def _take(self, record: CutRecord, rows: int) -> None:
        self.waiting.append(Work(record, rows))
        self._more.set()

    def find(self, id: str) -> Work | None:
        return next((work for work in self.waiting if work.record.id == id), None)

    async def run(self) -> None:
        """For ever: 1. what an earlier process left, 2. cut after cut as they are asked for."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        taking_up = asyncio.create_task(self._take_up())
        try:
            await self._make()
        finally:
            taking_up.cancel()

    async def _take_up(self) -> None:
        """What an earlier process left, the oldest first. What cannot be read now is looked at again, less
        and less often: it holds up nobody.
        """
        left, wait = self.shelf.cut_keys(), self.retry_seconds
        while left:
            found, left = await self.shelf.cuts_at(left)
            for record in sorted(found, key=lambda one: one.at):
                if record.state == "waiting" and self.find(record.id) is None:
                    self._take(record, 0)
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_SECONDS_MAX)

    async def _make(self) -> None:
        while True:
            self._more.clear()
            while self.waiting:
                work = self.waiting[0]
                try:
                    await self._do(work)
                except (Busy, GuardError) as error:
                    log.warning("cut %s waits: %s", work.record.id, error)
                    self.waiting.rotate(-1)
                    await asyncio.sleep(self.retry_seconds / len(self.waiting))
                    continue
                except Unknown:  # its list was deleted meanwhile
                    log.info("cut %s is dropped: its list is gone", work.record.id)
                self.waiting.remove(work)
            await self._more.wait()

    async def _do(self, work: Work) -> None:
        """Make the cut, store the parts, and then the record that says so."""
        work.tally = Tally()
        record, started = work.record, time.monotonic()
        folder = self.folder / record.id
        folder.mkdir(exist_ok=True)
        try:
            source = await self.shelf.one_list(record.list_id)
            work.rows = source.rows
            parts = await self._cut(source, work, folder)
            for part in parts:
                await self.shelf.put_part(record, folder / part.file)
                (folder / part.file).unlink()
            done = replace(
                record,
                state="done",
                parts=parts,
                rows_read=work.tally.read,
                rows_kept=work.tally.kept,
                duplicates=work.tally.duplicates,
                surplus=work.tally.surplus,
                seconds=round(time.monotonic() - started, 3),
            )
        except (Busy, Unknown, GuardError):
            raise
        except ListCutterError as error:
            done = replace(record, state="failed", error=str(error))
        except OSError as error:
            text = f"The local disk did not take the parts ({error.strerror}). Try again later."
            done = replace(record, state="failed", error=text)
        except Exception:  # whatever one cut meets, the others are made
            log.exception("cut %s failed", record.id)
            text = "The cut could not be made; the operators find why in the log. Ask for it again."
            done = replace(record, state="failed", error=text)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        await self.shelf.put_cut(done)

    async def _cut(self, source: ListRecord, work: Work, folder: Path) -> tuple[Part, ...]:
        read = await self.shelf.open(list_key(source.id, "original.csv"))
        pulled = Pulled(read.chunks, asyncio.get_running_loop())
        try:
            return await asyncio.to_thread(cut_file, pulled.file, source, work, folder)
        finally:
            pulled.stop()


class Pulled(io.RawIOBase):
    """Chunks that come on the event loop, as a file for a thread. One chunk is held at a time."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._chunks, self._loop = chunks, loop
        self._rest = memoryview(b"")
        self._stopped = False

    @property
    def file(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(self, 1024**2))

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]  # the base knows any buffer
        while not self._rest:
            if self._stopped:
                raise Busy("The service is being stopped.")
            self._rest = memoryview(asyncio.run_coroutine_threadsafe(self._next(), self._loop).result())
            if not self._rest:
                return 0
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    async def _next(self) -> bytes:
        try:
            return await anext(self._chunks, b"")
        except (GuardError, OSError, TimeoutError) as error:
            raise Busy("The storage broke off while the list was read.") from error

    def stop(self) -> None:
        """The thread that reads ends soon; called on the loop."""
        self._stopped = True


def cut_file(file: BinaryIO, source: ListRecord, work: Work, folder: Path) -> tuple[Part, ...]:
    """The whole cut, in a thread: memory is a chunk of the list, the hashes' page cache, and the parts'
    buffers."""
    cut = work.record.cut
    with ExitStack() as stack:
        seen = stack.enter_context(Seen(folder)) if cut.distinct else None
        parts = stack.enter_context(
            Parts(folder, source.form, cut.columns or source.columns, cut.rows_per_part)
        )
        rows = read_rows(Lines(file, source.form.encoding), source.form)
        next(rows, None)  # the names of the columns
        parts.take(chosen(rows, source.columns, cut, seen, work.tally))
        return parts.ended()
