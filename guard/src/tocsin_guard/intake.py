"""How work gets into the queue: once for each idempotency key, and on the disk before anybody hears of it."""

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tocsin_guard import disk, limits
from tocsin_guard.clock import Clock
from tocsin_guard.errors import DiskFull, GuardError
from tocsin_guard.handlers import Body, digest_file
from tocsin_guard.journal import Entry, Journal
from tocsin_guard.operations import Book, Digest, Operation, check_repeat, first, taken, with_body
from tocsin_guard.spool import Spool

EMPTY = hashlib.sha256().hexdigest()
RECORD_BYTES = 1_000  # of the journal, about, that an operation takes until it is over, besides its body


@dataclass
class Intake:
    """Of a `Queue`. A small body goes into the journal with its record: one write and one fsync, which all
    that wait share. A large one lies in the spool before its record is written.
    """

    folder: Path
    journal: Journal
    clock: Clock
    book: Book
    spool: Spool
    reserve_bytes: int
    _taking: dict[tuple[str, str], "asyncio.Future[None]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._room = disk.Room(self.folder)

    async def add(
        self,
        service: str,
        action: str,
        key: str,
        payload: Mapping[str, Any],
        body: Body,
        idempotency_key: str,
        digest: Digest | None,
    ) -> Operation:
        """See `Queue.add`."""
        mark = (service, idempotency_key)
        while (taking := self._taking.get(mark)) is not None:
            await asyncio.wait([taking])
        if (known := self.book.repeat_of(*mark)) is not None:
            check_repeat(known, action, key, payload, digest or await _digest(body))
            return known
        if len(self.book.waiting) >= limits.QUEUE_OPERATIONS_MAX:
            raise DiskFull(f"The queue holds {limits.QUEUE_OPERATIONS_MAX} operations and takes no more.")
        fate = self._taking[mark] = asyncio.get_running_loop().create_future()
        try:
            room = self.book.inline_bytes < limits.INLINE_BYTES_IN_ALL_MAX
            if room and isinstance(body, bytes) and len(body) <= limits.INLINE_BYTES_MAX:
                self._keep_reserve(len(body))
                return await self._take(service, action, key, payload, body, idempotency_key, digest)
            size, sha256 = digest or await _digest(body)
            self._keep_reserve(size if isinstance(body, bytes) else 0)
            now = self.clock.now()
            operation = Operation(
                self._id(), service, action, key, idempotency_key, dict(payload), size, sha256, True, now,
                changed_at=now,
            )  # fmt: skip
            await _whole(self._take_spooled(operation, body))
            return operation
        finally:
            del self._taking[mark]
            fate.set_result(None)

    def _id(self) -> int:
        id = self.book.next_id
        self.book.next_id += 1
        return id

    async def _take(
        self,
        service: str,
        action: str,
        key: str,
        payload: Mapping[str, Any],
        body: bytes,
        idempotency_key: str,
        digest: Digest | None,
    ) -> Operation:
        """A small one. What is not needed for the record is done while the disk is busy with it: the sum of
        the body, and what goes into the book.
        """
        id, size, now = self._id(), len(body), self.clock.now()
        record = first(id, service, action, key, idempotency_key, payload, size, now)
        entry = await self.journal.hand_over(with_body(record, body, False, "" if body else EMPTY))
        sha256 = digest[1] if digest else hashlib.sha256(body).hexdigest()
        operation = Operation(
            id, service, action, key, idempotency_key, dict(payload), size, sha256, False, now,
            changed_at=now, inline=body,
        )  # fmt: skip
        entry.applied = partial(self.book.add, operation)
        await self.known(entry)
        return operation

    async def _take_spooled(self, operation: Operation, body: Body) -> None:
        await self.spool.keep(operation.id, body)
        try:
            applied = partial(self.book.add, operation)
            await self.known(await self.journal.hand_over(taken(operation), applied=applied))
        except GuardError:
            self.spool.drop(operation.id)
            raise

    async def known(self, entry: Entry) -> None:
        """Return when it is on the disk. Who is cancelled meanwhile is so when it is known whether it is:
        until then nobody else may have the key, or what is newer could be in the store before it.
        """
        try:
            await entry.kept()
        except asyncio.CancelledError:
            with suppress(GuardError):  # the journal was closed: then everything has passed
                await _whole(self.journal.passed())
            raise

    def _keep_reserve(self, size: int) -> None:
        if self._room.left(self.clock.elapsed(), size + RECORD_BYTES) < self.reserve_bytes:
            raise disk.full(self.folder)


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Do it to its end; who is cancelled meanwhile is so after it."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError from task.exception()
    task.result()


async def _digest(body: Body) -> Digest:
    if isinstance(body, bytes):
        return len(body), hashlib.sha256(body).hexdigest()
    return await asyncio.to_thread(digest_file, body)
