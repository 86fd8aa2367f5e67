"""A bounded folder of copies, for reading while the store is away. Never trusted: each use checks the
checksum.

It is a cache: losing it loses nothing, so it is written without fsync and forgotten oldest use first.
"""

import asyncio
import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from tocsin_guard import limits
from tocsin_guard.handlers import Body, digest_file


@dataclass
class Cache:
    """`bytes_max` 0 switches it off."""

    folder: Path
    bytes_max: int
    _sizes: "OrderedDict[str, int]" = field(default_factory=OrderedDict)
    _used: int = 0

    def start(self) -> None:
        if not self.bytes_max:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.iterdir(), key=lambda p: p.stat().st_mtime):
            if path.suffix == ".part":
                path.unlink()
            else:
                self._sizes[path.name] = path.stat().st_size
                self._used += self._sizes[path.name]

    def wants(self, size: int) -> bool:
        return size <= min(self.bytes_max // 4, limits.CACHE_OBJECT_BYTES_MAX)

    def has(self, sha256: str) -> bool:
        """Whether there is a copy, which nobody has looked at now."""
        return sha256 in self._sizes

    async def put(self, sha256: str, body: Body) -> None:
        """Keep a copy by its checksum; a disk that refuses is no error here."""
        size = len(body) if isinstance(body, bytes) else body.stat().st_size
        if not self.bytes_max or not self.wants(size) or sha256 in self._sizes:
            return
        try:
            await asyncio.to_thread(self._write, sha256, body)
        except OSError:
            return
        if sha256 not in self._sizes:  # else another writer of the same bytes was faster
            self._used += size
        self._sizes[sha256] = size
        while self._used > self.bytes_max:
            name, freed = self._sizes.popitem(last=False)
            self._used -= freed
            (self.folder / name).unlink(missing_ok=True)

    async def get(self, sha256: str) -> Path | None:
        """A copy whose checksum was checked just now."""
        if sha256 not in self._sizes:
            return None
        path = self.folder / sha256
        try:
            good = (await asyncio.to_thread(digest_file, path))[1] == sha256
        except OSError:
            good = False
        if good:
            self._sizes.move_to_end(sha256)
            return path
        self._used -= self._sizes.pop(sha256)
        path.unlink(missing_ok=True)
        return None

    def _write(self, sha256: str, body: Body) -> None:
        part = self.folder / f"{sha256}.part"
        if isinstance(body, bytes):
            part.write_bytes(body)
        else:
            try:
                part.unlink(missing_ok=True)
                os.link(body, part)  # the spooled file and the copy share their bytes
            except OSError:
                with body.open("rb") as source, part.open("wb") as target:
                    while chunk := source.read(limits.STREAM_CHUNK_BYTES):
                        target.write(chunk)
        part.replace(self.folder / sha256)


class Hasher:
    """Size and SHA-256 of what passes by."""

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()

    def update(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._digest.update(chunk)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
