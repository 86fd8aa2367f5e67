"""Reading with fallbacks: the queue, the store, then cache, replica, backup; each copy verified before it
is given.

A store that breaks in the middle of a download is left, and the download goes on from a verified copy at
the same place, if there is one.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tocsin_guard.dependency import Dependency
from tocsin_guard.errors import Corrupt, GuardError, NotFound, StoreAnswer, Unavailable
from tocsin_guard.events import Level
from tocsin_guard.handlers import Body
from tocsin_guard.objects.cache import Cache, Hasher
from tocsin_guard.objects.catalogue import SHA256, Catalogue, Entry
from tocsin_guard.objects.port import Info, ObjectStore, Opened, file_chunks, one_chunk
from tocsin_guard.queue import Queue
from tocsin_guard.settings import TROUBLE

VERIFY_BYTES_MAX = 64 * 1024  # whole reads up to this are checked against their checksum each time

# Gives a file with an object's bytes of exactly that checksum, or None: (key, sha256, target)
Copy = Callable[[str, str, Path], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Read:
    """An object as a service gets it. `source` is store, queue, cache, replica or backup."""

    key: str
    size: int  # of the whole object
    content_type: str
    source: str
    chunks: AsyncIterator[bytes]

    async def read(self) -> bytes:
        parts = [chunk async for chunk in self.chunks]
        return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass
class Reader:
    dependency: Dependency
    store: ObjectStore
    queue: Queue
    catalogue: Catalogue
    cache: Cache
    incoming: Path
    replica: ObjectStore | None = None
    from_backup: Copy | None = None
    in_backup: Callable[[str], bool] = lambda sha256: False
    _filling: set[str] = field(default_factory=set)

    async def get(self, key: str, start: int, length: int | None) -> Read:
        waiting = self.queue.book.newest(self.dependency.name, key)
        if waiting is not None:
            if waiting.action == "delete":
                raise NotFound(f"There is no object {key!r}; its deletion is queued.")
            body = self.queue.body(waiting)
            content_type = str(waiting.payload.get("Content-Type", ""))
            return Read(key, waiting.size, content_type, "queue", body_chunks(body, start, length))
        entry = self.catalogue.get(key)
        try:
            opened = await self.dependency.call("read", lambda: self.store.get(key, start, length))
        except NotFound:
            if entry is None:
                raise
            self._warn("object_missing", f"{key} is not in the store, though it should be.")
            return await self._fallback(key, entry, start, length)
        except Unavailable:
            return await self._fallback(key, entry, start, length)
        return await self._checked(key, opened, entry, start, length)

    def source(self, key: str) -> str:
        """Where a read would get the object now, by what is known here: nothing is asked. "" is nowhere."""
        waiting = self.queue.book.newest(self.dependency.name, key)
        if waiting is not None:
            return "" if waiting.action == "delete" else "queue"
        if self.dependency.closed:
            return "store"
        if (entry := self.catalogue.get(key)) is None:
            return ""
        if self.cache.has(entry.sha256):
            return "cache"
        if self.replica is not None:
            return "replica"
        return "backup" if self.in_backup(entry.sha256) else ""

    async def _checked(
        self, key: str, opened: Opened, entry: Entry | None, start: int, length: int | None
    ) -> Read:
        info = opened.info
        content_type = info.attributes.get("Content-Type", "")
        whole = start == 0 and (length is None or length >= info.size)
        if whole and info.size <= VERIFY_BYTES_MAX:
            try:
                data = await opened.read()
            except TROUBLE:
                return await self._fallback(key, entry, start, length)
            if not self._good(key, data, info, entry):
                self._warn("object_corrupt", f"{key} is corrupt in the store.")
                if entry is None:
                    raise Corrupt(f"{key} is corrupt in the store, and no other copy is known.")
                return await self._fallback(key, entry, start, length)
            if entry is not None and self.cache.bytes_max:
                await self.cache.put(entry.sha256, data)
            return Read(key, info.size, content_type, "store", one_chunk(data))
        chunks = self._resumed(key, opened, entry, start, length)
        if whole and entry is not None and self.cache.bytes_max and self.cache.wants(info.size):
            chunks = self._filled(entry, chunks)
        return Read(key, info.size, content_type, "store", chunks)

    def _good(self, key: str, data: bytes, info: Info, entry: Entry | None) -> bool:
        hasher = Hasher()
        hasher.update(data)
        own = info.attributes.get(SHA256, "")
        if entry is not None and hasher.sha256 == entry.sha256:
            return True
        if own == hasher.sha256:
            # Whole, and not what the catalogue has: written by another process, or just before a crash.
            kind = info.attributes.get("Content-Type", "")
            self.catalogue.put(key, Entry(hasher.size, own, info.modified, kind, info.etag))
            return True
        return entry is None and not own

    async def _resumed(
        self, key: str, opened: Opened, entry: Entry | None, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """The store's chunks; if it breaks, the rest from a copy."""
        sent = 0
        try:
            async for chunk in opened.chunks:
                sent += len(chunk)
                yield chunk
            return
        except TROUBLE as error:
            self._warn("read_broken", f"Reading {key} broke after {sent} bytes: {error}")
        rest = None if length is None else length - sent
        read = await self._fallback(key, entry, start + sent, rest)
        async for chunk in read.chunks:
            yield chunk

    async def _filled(self, entry: Entry, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass chunks on and keep a copy of the whole; one reader at a time fills."""
        if entry.sha256 in self._filling:
            async for chunk in chunks:
                yield chunk
            return
        self._filling.add(entry.sha256)
        path, hasher = self.incoming / uuid.uuid4().hex, Hasher()
        file: BinaryIO | None = None
        try:
            file = _create(path)
            async for chunk in chunks:
                if file is not None and not await asyncio.to_thread(_fill, file, hasher, chunk):
                    _close(file)
                    file = None
                yield chunk
            if file is not None:
                _close(file)
                file = None
                if hasher.sha256 == entry.sha256:
                    await self.cache.put(entry.sha256, path)
        finally:
            _close(file)
            self._filling.discard(entry.sha256)
            with suppress(OSError):
                path.unlink()

    async def _fallback(self, key: str, entry: Entry | None, start: int, length: int | None) -> Read:
        """A verified copy of the recorded version."""
        if entry is None:
            raise Unavailable(f"{self.dependency.name} cannot be read, and no copy of {key} is known.")
        if (path := await self.cache.get(entry.sha256)) is not None:
            return Read(key, entry.size, entry.content_type, "cache", file_chunks(path, start, length))
        for source, copy in (("replica", self._from_replica), ("backup", self.from_backup)):
            if copy is None:
                continue
            path = self.incoming / uuid.uuid4().hex
            try:
                if await copy(key, entry.sha256, path):
                    if self.cache.bytes_max:
                        await self.cache.put(entry.sha256, path)
                    return Read(key, entry.size, entry.content_type, source, file_chunks(path, start, length))
            except (GuardError, *TROUBLE):
                continue
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)  # an open file outlives its name
        raise Unavailable(
            f"{self.dependency.name} cannot give {key} at present, and there is no good copy elsewhere."
        )

    async def _from_replica(self, key: str, sha256: str, target: Path) -> bool:
        return self.replica is not None and await fetch(self.replica, key, target) == sha256

    def _warn(self, type: str, message: str) -> None:
        self.dependency.events.add(Level.ERROR, type, message, service=self.dependency.name)


async def fetch(store: ObjectStore, key: str, target: Path) -> str:
    """Copy an object into a file in bounded memory; gives its SHA-256, or "" if it is not there."""
    hasher = Hasher()
    try:
        opened = await store.get(key)
        with target.open("wb") as file:
            async for chunk in opened.chunks:
                hasher.update(chunk)
                await asyncio.to_thread(file.write, chunk)
    except StoreAnswer:
        return ""
    return hasher.sha256


def body_chunks(body: Body, start: int, length: int | None) -> AsyncIterator[bytes]:
    """Part of a body, whether it lies in memory or in a file."""
    if isinstance(body, bytes):
        return one_chunk(body[start : None if length is None else start + length])
    return file_chunks(body, start, length)


def _create(path: Path) -> BinaryIO | None:
    """A file for a copy, if the disk lets us: a copy is never worth failing a read."""
    try:
        return path.open("wb")
    except OSError:
        return None


def _fill(file: BinaryIO, hasher: Hasher, chunk: bytes) -> bool:
    hasher.update(chunk)
    try:
        file.write(chunk)
    except OSError:
        return False
    return True


def _close(file: BinaryIO | None) -> None:
    if file is not None:
        with suppress(OSError):
            file.close()
