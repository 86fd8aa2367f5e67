"""What guard asks of an object store, and nothing more."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from tocsin_guard.errors import Rejected
from tocsin_guard.handlers import Body
from tocsin_guard.limits import ATTRIBUTE_CHARACTERS_MAX, STREAM_CHUNK_BYTES

KEY_BYTES_MAX = 1024  # as S3 has it


class Conditional(Enum):
    """Which conditional writes a server honours. S3, R2 and MinIO: FULL. OpenStack Swift: CREATE."""

    NONE = "none"
    CREATE = "create"  # If-None-Match: * only
    FULL = "full"  # also If-Match


class Expect(Enum):
    """What must be there for a conditional write; an etag (str) expects exactly that version."""

    ANY = "any"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Info:
    """What the store says about an object. `attributes` is empty where it comes from a listing."""

    key: str
    size: int
    etag: str
    modified: float
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """An object being read. Read the chunks to the end or close them."""

    info: Info
    chunks: AsyncIterator[bytes]

    async def read(self) -> bytes:
        parts = [chunk async for chunk in self.chunks]
        return parts[0] if len(parts) == 1 else b"".join(parts)


class ObjectStore(Protocol):
    """Raises NotFound, Changed or Rejected when the store answers no, Unavailable when it does not answer.

    A put is atomic: a reader sees the old object or the new one. Keys are those that `check_key` lets pass.
    """

    @property
    def conditional(self) -> Conditional:
        """Which kinds of `expect` the server honours; others are ignored."""

    async def put(
        self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str = Expect.ANY
    ) -> str:
        """Store, and give the new etag."""

    async def get(self, key: str, start: int = 0, length: int | None = None) -> Opened: ...

    async def head(self, key: str) -> Info: ...

    async def delete(self, key: str) -> None:
        """Deleting what is not there is no error."""

    def list(self, folder: str = "") -> AsyncIterator[Info]:
        """Everything below a folder (`folder/...`), or everything."""


def check_key(key: str) -> None:
    """Keys that every store takes alike: no empty, `.` or `..` part, no control characters."""
    parts = key.split("/")
    if "" in parts or "." in parts or ".." in parts or not key.isprintable():
        raise Rejected(f"The key {key[:100]!r} has an empty, '.' or '..' part, or a control character.")
    if (size := len(key.encode())) > KEY_BYTES_MAX:
        raise Rejected(f"A key has at most {KEY_BYTES_MAX} bytes; {key[:40]!r}... has {size}.")


def check_attribute(name: str, value: str) -> None:
    """What an object carries goes through HTTP headers: servers lose or refuse what does not fit there."""
    fits = value.isascii() and value.isprintable() and value == value.strip()
    if not fits or len(value) > ATTRIBUTE_CHARACTERS_MAX:
        raise Rejected(
            f"The {name} {value[:40]!r} is not up to {ATTRIBUTE_CHARACTERS_MAX} printable ASCII characters "
            "without a blank at either end."
        )


@runtime_checkable
class ChecksKeys(Protocol):
    """A store that takes fewer keys than others, and knows which without being asked to store anything."""

    def check_key(self, key: str) -> None:
        """Raises Rejected for a key that this store cannot hold, or that `check_key` does not let pass."""


def key_check(store: ObjectStore) -> Callable[[str], None]:
    """What to ask at the door, so that nothing is queued that the store could never take."""
    return store.check_key if isinstance(store, ChecksKeys) else check_key


class HeldFile:
    """An open file that closes when nobody reads it any more: a replaced or deleted one stays readable till
    then.
    """

    def __init__(self, path: Path) -> None:
        self.handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if (handle := getattr(self, "handle", None)) is not None:
            os.close(handle)

    async def chunks(self, start: int, length: int | None) -> AsyncIterator[bytes]:
        """Read off the event loop, in bounded pieces."""
        left = length
        while left is None or left > 0:
            wanted = STREAM_CHUNK_BYTES if left is None else min(left, STREAM_CHUNK_BYTES)
            chunk = await asyncio.to_thread(os.pread, self.handle, wanted, start)
            if not chunk:
                return
            start += len(chunk)
            left = None if left is None else left - len(chunk)
            yield chunk


def file_chunks(path: Path, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
    """The bytes of a file as it is now: it may be replaced or deleted before they are read."""
    return HeldFile(path).chunks(start, length)


async def one_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data
