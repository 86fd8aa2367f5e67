"""A disk in memory below the real journal, for power cuts: of what was written since the last fsync some
sectors are there and others not, and a rename may be there or not. It refuses requests by chance.
"""

import errno
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tocsin_guard import disk
from tocsin_guard.growing import GrowingFile

SECTOR = 512


@dataclass
class Inode:
    """`now` is what readers see, `durable` what the last fsync left, `since` what was done after it."""

    now: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: cut to this length

    def write(self, data: bytes, place: int) -> None:
        _put(self.now, data, place)
        self.since.append((place, data))

    def cut(self, size: int) -> None:
        _resize(self.now, size)
        self.since.append((size, None))

    def sync(self) -> None:
        self.durable, self.since = bytes(self.now), []

    def after_a_power_cut(self, chance: random.Random) -> bytes:
        """Lengths are kept in order up to some moment, sectors as it happens."""
        found, share = bytearray(self.durable), chance.choice((0.2, 0.8, 1.0))
        for place, data in self.since[: chance.randint(0, len(self.since))]:
            if data is None:
                _resize(found, place)
                continue
            _resize(found, max(len(found), place + len(data)))
            for sector in range(place // SECTOR, (place + len(data)) // SECTOR + 1):
                begin, end = max(place, sector * SECTOR), min(place + len(data), (sector + 1) * SECTOR)
                if begin < end and chance.random() < share:
                    found[begin:end] = data[begin - place : end - place]
        return bytes(found)


def _resize(image: bytearray, size: int) -> None:
    del image[size:]
    image.extend(bytes(size - len(image)))


def _put(image: bytearray, data: bytes, place: int) -> None:
    _resize(image, max(len(image), place + len(data)))
    image[place : place + len(data)] = data


@dataclass
class TornDisk:
    """`refuses` is the share of requests that fail. It stands in for the file named `path`, and no other."""

    path: Path
    chance: random.Random
    refuses: float = 0.0
    inode: Inode = field(default_factory=Inode)
    before: list[Inode] = field(default_factory=list)  # had the name, until the folder was synced
    seen: Callable[[], None] = lambda: None  # called at each request, by whoever makes it
    _open: dict[int, Inode] = field(default_factory=dict)
    _made: Inode = field(default_factory=Inode)

    def after_a_power_cut(self) -> bytes:
        return self.chance.choice([self.inode, *self.before]).after_a_power_cut(self.chance)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(disk, "write_all_at", self._write)
        patch.setattr(disk, "write_all", self._write_all)
        patch.setattr(disk, "sync_data", self._sync)
        patch.setattr(disk, "sync_folder", self._sync_folder)
        patch.setattr(disk, "replace_file", self._replace)
        patch.setattr(GrowingFile, "__init__", lambda file, path: self._begin(file))
        patch.setattr(GrowingFile, "cut", lambda file: self._cut(file))
        patch.setattr(GrowingFile, "close", lambda file: None)
        patch.setattr(GrowingFile, "has_name", lambda file, path: self._open[file._handle] is self.inode)

    def _maybe(self) -> None:
        self.seen()
        if self.chance.random() < self.refuses:
            number = self.chance.choice((errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EMFILE))
            raise OSError(number, os.strerror(number))

    def _begin(self, file: Any) -> None:
        self._maybe()
        handle = len(self._open)
        self._open[handle] = self.inode
        file._handle = handle
        file.size = file._kept = file._room = len(self.inode.now)

    def _write(self, handle: int, data: bytes, place: int) -> None:
        try:
            self._maybe()
        except OSError:  # some of it is there all the same
            self._open[handle].write(bytes(data[: self.chance.randint(0, len(data))]), place)
            raise
        self._open[handle].write(bytes(data), place)

    def _sync(self, handle: int) -> None:
        self._maybe()
        self._open[handle].sync()

    def _cut(self, file: Any) -> None:
        self._maybe()
        self._open[file._handle].cut(file.size)
        file._room = file.size

    def _sync_folder(self, folder: Path) -> None:
        self._maybe()
        self.before.clear()

    def _replace(self, path: Path, write: Callable[[int], None]) -> None:
        self._maybe()
        self._made = Inode()
        write(-1)
        self._made.sync()
        self.before.append(self.inode)
        self.inode = self._made
        self._sync_folder(path.parent)

    def _write_all(self, handle: int, data: bytes) -> None:
        self._maybe()
        self._made.write(data, 0)
