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
from tocsin_guard.journal import Journal
from tocsin_guard.operations import Book, Digest, Operation, check_repeat, taken
from tocsin_guard.spool import Spool

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
        digest = digest or await _digest(body)
        while (taking := self._taking.get(mark)) is not None:
            await asyncio.wait([taking])
        if (known := self.book.repeat_of(*mark)) is not None:
            check_repeat(known, action, key, payload, digest)
            return known
        operation = self._new(service, action, key, payload, body, idempotency_key, digest)
        fate = self._taking[mark] = asyncio.get_running_loop().create_future()
        try:
            await (
                _whole(self._take_spooled(operation, body)) if operation.spooled else self._take(operation)
            )
        finally:
            del self._taking[mark]
            fate.set_result(None)
        return operation

    def _new(
        self,
        service: str,
        action: str,
        key: str,
        payload: Mapping[str, Any],
        body: Body,
        idempotency_key: str,
        digest: Digest,
    ) -> Operation:
        if len(self.book.waiting) >= limits.QUEUE_OPERATIONS_MAX:
            raise DiskFull(f"The queue holds {limits.QUEUE_OPERATIONS_MAX} operations and takes no more.")
        size, sha256 = digest
        self._keep_reserve(size if isinstance(body, bytes) else 0)
        id = self.book.next_id
        self.book.next_id += 1
        inline = size <= limits.INLINE_BYTES_MAX and self.book.inline_bytes < limits.INLINE_BYTES_IN_ALL_MAX
        spooled = isinstance(body, Path) or not inline
        now = self.clock.now()
        return Operation(
            id, service, action, key, idempotency_key, dict(payload), size, sha256, spooled, now,
            changed_at=now, inline=b"" if spooled or isinstance(body, Path) else body,
        )  # fmt: skip

    async def _take(self, operation: Operation) -> None:
        """Write it down. Who is cancelled meanwhile is so when it is known whether it is on the disk: until
        then nobody else may have the key, or what is newer could be in the store before it.
        """
        try:
            await self.journal.append(taken(operation), applied=partial(self.book.add, operation))
        except asyncio.CancelledError:
            with suppress(GuardError):  # the journal was closed: then everything has passed
                await _whole(self.journal.passed())
            raise

    async def _take_spooled(self, operation: Operation, body: Body) -> None:
        await self.spool.keep(operation.id, body)
        try:
            await self._take(operation)
        except GuardError:
            self.spool.drop(operation.id)
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
