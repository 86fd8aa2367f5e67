"""Objects as local files that survive a power cut: written aside, fsynced, renamed, folder fsynced.

One file per object: the bytes first, so that people can look at them, then a trailer with key, size, etag and
attributes. Body and attributes therefore change together. File names are percent-encoded keys.
"""

import asyncio
import errno
import json
import os
import struct
import threading
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote, unquote

from tocsin_guard import disk
from tocsin_guard.errors import Changed, NotFound, Rejected, Unavailable
from tocsin_guard.handlers import Body
from tocsin_guard.limits import STREAM_CHUNK_BYTES
from tocsin_guard.objects.port import Conditional, Expect, HeldFile, Info, Opened, check_key, one_chunk

TAIL = struct.Struct(">I8s")
MAGIC = b"TGUARD1\n"
NAME_BYTES_MAX = 240  # 255 with room for what marks a file in the making
PATH_BYTES_MAX = 4080  # the kernel's 4096, likewise


@dataclass
class LocalFiles:
    """An ObjectStore in a folder. One process writes it; any may read."""

    folder: Path | str
    conditional: Conditional = field(default=Conditional.FULL, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._base = Path(self.folder) / "objects"
        room = PATH_BYTES_MAX - len(os.fsencode(self._base)) - 1
        self._fits = min(NAME_BYTES_MAX, room) // 3  # ASCII that surely does, however it is encoded

    async def put(
        self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str = Expect.ANY
    ) -> str:
        return await asyncio.to_thread(self._put, key, body, attributes, expect)

    async def get(self, key: str, start: int = 0, length: int | None = None) -> Opened:
        path = self._path(key)
        info, found = await asyncio.to_thread(self._open, key, path, start, length)
        if isinstance(found, bytes):
            return Opened(info, one_chunk(found))
        wanted = info.size - start if length is None else min(length, info.size - start)
        return Opened(info, found.chunks(start, wanted))

    async def head(self, key: str) -> Info:
        return await asyncio.to_thread(self._head, key, self._path(key))

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._delete, key, self._path(key), Expect.ANY)

    async def delete_version(self, key: str, etag: str) -> None:
        """Delete exactly that version: Changed if there is another, nothing if there is none."""
        await asyncio.to_thread(self._delete, key, self._path(key), etag)

    async def list(self, folder: str = "") -> AsyncIterator[Info]:
        names = await asyncio.to_thread(lambda: sorted(self._paths(folder)))
        for path in names:
            try:
                yield await asyncio.to_thread(self._head, "", path)
            except NotFound:
                continue  # deleted meanwhile

    def check_key(self, key: str) -> None:
        """Raises Rejected for a key that no file here can have the name of."""
        if len(key) <= self._fits and key.isascii():
            check_key(key)
        else:
            self._path(key)

    def _path(self, key: str) -> Path:
        check_key(key)
        name = _file_name(key)
        if len(name) > NAME_BYTES_MAX:
            raise Rejected(
                f"The key {key[:40]!r}... is too long for local files: percent-encoded it has {len(name)} "
                f"bytes, and a file name may have {NAME_BYTES_MAX}."
            )
        path = self._base / name
        if (size := len(os.fsencode(path))) > PATH_BYTES_MAX:
            raise Rejected(
                f"The key {key[:40]!r}... is too long for local files: with the folder its path has {size} "
                f"bytes, and a path may have {PATH_BYTES_MAX}."
            )
        return path

    def _paths(self, folder: str) -> Iterator[Path]:
        base = self._base
        wanted = _file_name(folder.strip("/") + "/") if folder.strip("/") else ""
        with _speaking(base):
            names = [n for n in (os.listdir(base) if base.exists() else []) if not n.endswith(disk.PART)]  # noqa: PTH208 - names are enough
        return (base / name for name in names if name.startswith(wanted))

    def _put(self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str) -> str:
        path, etag = self._path(key), uuid.uuid4().hex
        with self._lock, _speaking(path):
            self._check(key, path, expect)
            disk.make_folder(path.parent)
            disk.replace_file(path, partial(_write, key, body, etag, dict(attributes)))
        return etag

    def _check(self, key: str, path: Path, expect: Expect | str) -> None:
        if expect is Expect.ANY:
            return
        try:
            there = self._head(key, path).etag
        except NotFound:
            there = None
        if there != (None if expect is Expect.ABSENT else expect):
            raise Changed(f"{key} is not the version that was expected.")

    def _head(self, key: str, path: Path) -> Info:
        with _speaking(path), path.open("rb") as file:
            return _read_trailer(key, path, file.fileno())

    def _open(self, key: str, path: Path, start: int, length: int | None) -> tuple[Info, bytes | HeldFile]:
        """The trailer, and the bytes if they are few, else the file: one trip to the thread."""
        with _speaking(path):
            held = HeldFile(path)
            info = _read_trailer(key, path, held.handle)
            wanted = max(0, info.size - start) if length is None else min(length, max(0, info.size - start))
            if wanted > STREAM_CHUNK_BYTES:
                return info, held
            return info, os.pread(held.handle, wanted, start)

    def _delete(self, key: str, path: Path, expect: Expect | str) -> None:
        with self._lock, _speaking(path):
            if path.exists():
                self._check(key, path, expect)
                path.unlink()
                disk.sync_folder(path.parent)


def _file_name(key: str) -> str:
    """The key percent-encoded: one file name, not hidden, and never that of a file which is being written."""
    name = quote(key, safe=" !#$&'()+,;=@[]{}-_.")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if name.endswith(disk.PART):
        name = f"{name.removesuffix(disk.PART)}%2E{disk.PART[1:]}"
    return name


def _write(key: str, body: Body, etag: str, attributes: dict[str, str], handle: int) -> None:
    if isinstance(body, bytes):
        size = len(body)
        disk.write_all(handle, body)
    else:
        size = 0
        with body.open("rb") as file:
            while chunk := file.read(STREAM_CHUNK_BYTES):
                size += len(chunk)
                disk.write_all(handle, chunk)
    trailer = {"key": key, "size": size, "etag": etag, "attributes": attributes}
    text = json.dumps(trailer, separators=(",", ":")).encode()
    disk.write_all(handle, text + TAIL.pack(len(text), MAGIC))


def _read_trailer(key: str, path: Path, handle: int) -> Info:
    stat = os.fstat(handle)
    tail = os.pread(handle, 4096, max(0, stat.st_size - 4096))
    if len(tail) >= TAIL.size:
        length, magic = TAIL.unpack(tail[-TAIL.size :])
        if magic == MAGIC and length <= len(tail) - TAIL.size:
            try:
                found = json.loads(tail[-TAIL.size - length : -TAIL.size])
                return Info(found["key"], found["size"], found["etag"], stat.st_mtime, found["attributes"])
            except (ValueError, KeyError, TypeError):
                pass
    # Not one of ours, or its end is damaged: the bytes as they are, so that a check can tell.
    from_name = key or unquote(path.name)
    return Info(from_name, stat.st_size, f"plain-{stat.st_mtime_ns}", stat.st_mtime)


@contextmanager
def _speaking(path: Path) -> Iterator[None]:
    """Turn what the system says into what a store says."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"There is no object in {path.name}.") from error
    except OSError as error:
        if error.errno in disk.FULL:
            raise disk.full(path.parent) from error
        if error.errno == errno.ENAMETOOLONG:
            raise Rejected(f"The key of {path.name[:40]}... is too long.") from error
        raise Unavailable(f"{path.parent} does not work ({error.strerror}).") from error
