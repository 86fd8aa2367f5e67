"""A guarded object store: what a service uses instead of the store itself.

- Writes: tried at once when the store is well; else, and when the try fails, queued durably and applied
  later, in order per key, once. `Written.queued` says which. Only a full local disk refuses.
- Reads: first what is queued for the key (so that who uploads can download), then the store, then a
  verified copy: cache, replica, newest backup. `Read.source` says which. A copy that is not the recorded
  version is not given out.
- Every object carries its SHA-256 and the mark of the write that made it.
"""

import asyncio
import hashlib
import os
import shutil
import uuid
from collections.abc import AsyncIterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tocsin_guard import disk
from tocsin_guard.dependency import Dependency
from tocsin_guard.errors import NotFound, StoreAnswer, Unavailable
from tocsin_guard.handlers import Body, Functions, digest_file
from tocsin_guard.keylocks import KeyLocks
from tocsin_guard.limits import STREAM_CHUNK_BYTES
from tocsin_guard.objects.cache import Cache, Hasher
from tocsin_guard.objects.catalogue import OPERATION, SHA256, Catalogue, Entry
from tocsin_guard.objects.port import Expect, ObjectStore, check_attribute, key_check
from tocsin_guard.objects.reading import Read, Reader
from tocsin_guard.objects.writing import LOOK, Removal, Write, marked
from tocsin_guard.operations import WAITING, Digest, Operation
from tocsin_guard.queue import Queue

PUT, DELETE = "put", "delete"
CANARY_FOLDER = ".guard"  # guard's own test objects; not listed, not catalogued


class Written(NamedTuple):
    """A write that is safe: in the store, or queued on the local disk."""

    key: str
    size: int
    sha256: str
    queued: bool
    operation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    key: str
    size: int
    sha256: str


@dataclass
class GuardedStore:
    """Made by `Guard.objects`."""

    dependency: Dependency
    store: ObjectStore
    queue: Queue
    catalogue: Catalogue
    cache: Cache
    incoming: Path
    reader: Reader
    replica: ObjectStore | None = None
    large_timeout_seconds: float = 600.0  # for bodies that lie in a file
    _locks: KeyLocks = field(default_factory=KeyLocks)

    def __post_init__(self) -> None:
        self._check_key = key_check(self.store)
        handlers = {PUT: Functions(self._apply_put, self._was_put), DELETE: Functions(self._apply_delete)}
        for action, handler in handlers.items():
            self.queue.handlers[self.name, action] = handler

    @property
    def name(self) -> str:
        return self.dependency.name

    # Writing

    async def put(
        self,
        key: str,
        body: bytes | Path | AsyncIterable[bytes],
        *,
        content_type: str = "",
        idempotency_key: str = "",
    ) -> Written:
        """Store an object. A stream goes through a local file first, so that it can be repeated or queued.

        A file given as a path is read where it lies and not changed. Asked again under the same
        `idempotency_key`, nothing is written as long as the object is that of the first time; for another
        body under that key it raises Refused.
        """
        self._check_key(key)
        if content_type or idempotency_key:
            check_attribute("content type", content_type)
            check_attribute("idempotency key", idempotency_key)
        if isinstance(body, bytes):
            return await self._put(key, body, None, content_type, idempotency_key)
        path = self._new_file()
        try:
            if isinstance(body, Path):
                digest, source = await asyncio.to_thread(digest_file, body), body
            else:
                hasher = await receive(body, path)
                digest, source = (hasher.size, hasher.sha256), path
            return await self._put(key, source, digest, content_type, idempotency_key, path)
        finally:
            path.unlink(missing_ok=True)

    async def _put(
        self,
        key: str,
        body: Body,
        digest: Digest | None,
        content_type: str,
        idempotency_key: str,
        ours: Path | None = None,
    ) -> Written:
        """`ours` is a file that the queue may have; a body that lies elsewhere is copied there first. Bytes
        without a digest are hashed where it is needed: the queue does it while the disk is busy.
        """
        mark = idempotency_key or os.urandom(16).hex()
        attributes = {"Content-Type": content_type} if content_type else {}
        async with self._locks.alone(key):
            if not self._must_queue(key, mark):
                if digest is None:
                    assert isinstance(body, bytes), "a file comes with its digest"
                    digest = len(body), hashlib.sha256(body).hexdigest()
                size, sha256 = digest
                expect = LOOK if idempotency_key else self._expected(key)
                write = Write(self.store, key, body, marked(attributes, sha256, mark), expect)
                try:
                    etag = await self.dependency.call(
                        "write", write.attempt, timeout_seconds=self._limit(body)
                    )
                except Unavailable:
                    pass  # whatever became of it, the same write with the same mark is queued now
                else:
                    now = self.dependency.clock.now()
                    await self._stored(key, body, Entry(size, sha256, now, content_type, etag))
                    return Written(key, size, sha256, queued=False)
            if ours is not None and isinstance(body, Path) and body != ours:
                body = await asyncio.to_thread(_copy, body, ours)
            operation = await self.queue.add(
                self.name, PUT, key, attributes, body, idempotency_key=mark, digest=digest
            )
            return Written(key, operation.size, operation.sha256, operation.state in WAITING, operation.id)

    async def delete(self, key: str, *, idempotency_key: str = "") -> Written:
        """Delete an object, now or later; one that is not there is no error."""
        self._check_key(key)
        check_attribute("idempotency key", idempotency_key)
        mark = idempotency_key or os.urandom(16).hex()
        async with self._locks.alone(key):
            if not self._must_queue(key, mark):
                removal = Removal(self.store, key, self._expected(key))
                try:
                    await self.dependency.call("delete", removal.attempt)
                except Unavailable:
                    pass
                else:
                    await self.catalogue.drop_durably(key)
                    return Written(key, 0, "", queued=False)
            operation = await self.queue.add(self.name, DELETE, key, {}, idempotency_key=mark)
            return Written(key, 0, "", operation.state in WAITING, operation.id)

    def _must_queue(self, key: str, mark: str) -> bool:
        """Held by a person, older work on the key still waits, or the queue knows this very work."""
        book = self.queue.book
        known = book.newest(self.name, key) or book.repeat_of(self.name, mark)
        return self.dependency.held or known is not None

    def _limit(self, body: Body) -> float | None:
        return None if isinstance(body, bytes) else self.large_timeout_seconds

    async def _stored(self, key: str, body: Body, entry: Entry) -> None:
        """The write is in the store: remember its checksum, keep a copy."""
        self.catalogue.put(key, entry)
        if self.cache.bytes_max:
            await self.cache.put(entry.sha256, body)

    def _expected(self, key: str) -> Expect | str:
        """What guard knows to be in the store."""
        entry = self.catalogue.get(key)
        return Expect.ABSENT if entry is None else entry.etag or Expect.ANY

    def _entry(self, operation: Operation, etag: str) -> Entry:
        content_type = str(operation.payload.get("Content-Type", ""))
        return Entry(operation.size, operation.sha256, self.dependency.clock.now(), content_type, etag)

    def _new_file(self) -> Path:
        return self.incoming / uuid.uuid4().hex

    # Reading

    async def get(self, key: str, *, start: int = 0, length: int | None = None) -> Read:
        """Read an object, from wherever a good copy is. Raises NotFound, Corrupt or Unavailable."""
        self._check_key(key)
        return await self.reader.get(key, start, length)

    def source(self, key: str) -> str:
        """Where a read would come from now: store, queue, cache, replica, backup, or "" if it would fail.

        It goes by what guard knows and asks nobody, so a page can show it for every object.
        """
        return self.reader.source(key)

    def list(self, folder: str = "") -> list[Listed]:
        """What there is below a folder, waiting writes included. Nobody is asked, so it is one moment's view,
        also during an outage.
        """
        start = folder.strip("/") + "/" if folder.strip("/") else ""
        found = {
            key: Listed(key, entry.size, entry.sha256)
            for key, entry in self.catalogue.entries.items()
            if key.startswith(start)
        }
        for operation in self.queue.book.waiting.values():
            if operation.service == self.name and operation.key.startswith(start):
                if operation.action == PUT:
                    found[operation.key] = Listed(operation.key, operation.size, operation.sha256)
                else:
                    found.pop(operation.key, None)
        return [found[key] for key in sorted(found)]

    async def adopt(self) -> int:
        """Take objects that were in the store before guard into the catalogue, reading each once.

        What cannot be read by its listed key (a folder's marker, say) stays a stray.
        """
        added = 0
        async for info in self.store.list():
            if self.catalogue.get(info.key) is None and not info.key.startswith(CANARY_FOLDER + "/"):
                hasher = Hasher()
                try:
                    opened = await self.store.get(info.key)
                except StoreAnswer:
                    continue
                content_type = opened.info.attributes.get("Content-Type", "")
                async for chunk in opened.chunks:
                    hasher.update(chunk)
                found = Entry(hasher.size, hasher.sha256, info.modified, content_type, opened.info.etag)
                self.catalogue.put(info.key, found)
                added += 1
        return added

    # Queued work

    async def _apply_put(self, operation: Operation, body: Body) -> None:
        attributes = {str(name): str(value) for name, value in operation.payload.items()}
        carried = marked(attributes, operation.sha256, operation.idempotency_key)
        write = Write(self.store, operation.key, body, carried, LOOK)
        async with self._locks.alone(operation.key):
            etag = await self.dependency.call(
                "write_queued", write.attempt, attempts_max=1, timeout_seconds=self._limit(body)
            )
            await self._stored(operation.key, body, self._entry(operation, etag))

    async def _was_put(self, operation: Operation) -> bool:
        try:
            there = await self.dependency.call("look", lambda: self.store.head(operation.key), attempts_max=1)
        except NotFound:
            return False
        mark, sha256 = there.attributes.get(OPERATION), there.attributes.get(SHA256)
        if (mark, sha256) != (operation.idempotency_key, operation.sha256):
            return False
        self.catalogue.put(operation.key, self._entry(operation, there.etag))
        return True

    async def _apply_delete(self, operation: Operation, body: Body) -> None:
        async with self._locks.alone(operation.key):
            removal = Removal(self.store, operation.key, LOOK)
            await self.dependency.call("delete_queued", removal.attempt, attempts_max=1)
            self.catalogue.drop(operation.key)

    def still(self, key: str) -> AbstractAsyncContextManager[None]:
        """Inside it nobody writes or deletes the object through guard: store and catalogue agree."""
        return self._locks.alone(key)


def _copy(source: Path, target: Path) -> Path:
    try:
        with source.open("rb") as file, target.open("wb") as copy:
            shutil.copyfileobj(file, copy, STREAM_CHUNK_BYTES)
    except OSError as error:
        if error.errno in disk.FULL:
            raise disk.full(target.parent) from error
        raise
    return target


async def receive(body: AsyncIterable[bytes], path: Path) -> Hasher:
    """Write a stream to a file in bounded memory, and hash it on the way."""
    hasher = Hasher()
    try:
        file = await asyncio.to_thread(path.open, "wb")
        with file:
            async for chunk in body:
                await asyncio.to_thread(_take, file, hasher, bytes(chunk))
    except OSError as error:
        if error.errno in disk.FULL:
            raise disk.full(path.parent) from error
        raise
    return hasher


def _take(file: BinaryIO, hasher: Hasher, chunk: bytes) -> None:
    file.write(chunk)
    hasher.update(chunk)
