"""A file written at its end, in room that it has already.

What makes a file longer has the file system commit a new length with each fsync; what lies in room that the
file has needs the disk alone: about half the time on ext4. So the file grows by a piece of zeros at a time,
and who reads it takes zeros at its end for nothing (`lines.recover`). They are cut off when it is closed.
"""

import os
from contextlib import suppress
from pathlib import Path

from tocsin_guard import disk, limits


class GrowingFile:
    """`size` is how much of it was written; the file itself may be longer."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self.size = self._kept = self._room = os.fstat(self._handle).st_size

    def write(self, data: bytes) -> None:
        """Everything, or raise `OSError`: then `cut` takes back what stands behind `size`."""
        end = self.size + len(data)
        if end > self._room:
            self._grow(data)
        else:
            disk.write_all_at(self._handle, data, self.size)
        self.size = end

    def _grow(self, data: bytes) -> None:
        zeros = bytes(limits.JOURNAL_ROOM_BYTES)
        try:
            disk.write_all_at(self._handle, data + zeros, self.size)
            self._room = self.size + len(data) + len(zeros)
        except OSError:  # no room for zeros may be room for the data
            self.cut()
            disk.write_all_at(self._handle, data, self.size)
            self._room = self.size + len(data)

    def has_name(self, path: Path) -> bool:
        """Whether it is this file that the next start will find there."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._handle), path.stat())
        return False

    def sync(self) -> None:
        """Everything written is on the disk, or raise `OSError`: then what nobody was told of is taken back,
        as well as that goes: a kill right after it must not bring it back.
        """
        try:
            disk.sync_data(self._handle)
        except OSError:
            self.size = self._kept
            with suppress(OSError):
                self.cut()
            raise
        self._kept = self.size

    def cut(self) -> None:
        os.ftruncate(self._handle, self.size)
        self._room = self.size

    def close(self) -> None:
        with suppress(OSError):  # zeros that stay are read as nothing
            self.cut()
        os.close(self._handle)
