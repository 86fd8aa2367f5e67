"""Writing files so that they are there after a power cut: every write that matters goes through here."""

import errno
import fcntl
import os
import weakref
from collections.abc import Callable
from pathlib import Path

from tocsin_guard.errors import DiskFull, GuardError

# No room, quota used up, file size limit reached: the same to us, and in each case the write did not happen.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


PART = ".part"  # ends the name of a file that is being written


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, durably."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Write everything, or raise; a short write is not a success."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def write_all_at(handle: int, data: bytes | memoryview, position: int) -> None:
    """The same at a place in the file."""
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, position)
        view, position = view[written:], position + written


def sync_data(handle: int) -> None:
    """Return when the disk has what was written. On macOS fsync alone leaves it in the drive's memory."""
    if (whole := getattr(fcntl, "F_FULLFSYNC", None)) is not None:
        fcntl.fcntl(handle, whole)
    else:
        os.fdatasync(handle)


def replace_file(path: Path, write: Callable[[int], None]) -> None:
    """Put a whole new file in place of `path`: after a crash there is the old one or the new one, never a
    mix.

    `write` gets the descriptor. If it raises, the old file stands and nothing is left behind.
    """
    part = path.with_name(path.name + PART)
    handle = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        try:
            write(handle)
            os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(path)
    except BaseException as error:  # whatever it was, cancellation too: no half of a file stays
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise full(path.parent) from error
        raise
    sync_folder(path.parent)


Sign = tuple[int, int, int]
NO_FILE: Sign = (0, 0, 0)


def sign(path: Path) -> Sign:
    """What changes when a file is written or replaced."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return NO_FILE
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def full(folder: Path) -> DiskFull:
    return DiskFull(f"The disk of {folder} is full: refused, and nothing was stored. Free some space there.")


def room_bytes(folder: Path) -> int:
    """How much may still be written below a folder."""
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


class Room:
    """How much may still be written below a folder, for what happens thousands of times a second: it is asked
    anew after a second, and after an eighth of it or a megabyte was taken.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked_at, self._left, self._fresh = float("-inf"), 0, 0

    def left(self, elapsed: float, size: int) -> int:
        """What is left once so many bytes more are written."""
        self._fresh -= size
        if self._fresh < 0 or elapsed >= self._asked_at + 1.0:
            self._asked_at, self._left = elapsed, room_bytes(self._folder)
            self._fresh = min(1_000_000, self._left // 8)
        self._left -= size
        return self._left


class FolderLock:
    """One process per folder: the kernel frees the lock when the process ends, however it ends.

    A forked child shares the lock through its copy of the handle, so that copy is closed in it: a child that
    lives longer does not keep the folder. Closing a copy frees nothing of the parent's.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._handle: int | None = None
        left = weakref.WeakMethod(self._close)  # a hook cannot be taken back; it must not keep this alive
        os.register_at_fork(after_in_child=lambda: None if (close := left()) is None else close())

    def take(self) -> None:
        handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise GuardError(
                f"{self._path.parent} is in use by another process. Give each process a folder of its own."
            ) from error
        self._handle = handle

    def free(self) -> None:
        if self._handle is not None:
            # Said aloud: a child that was forked past Python's hooks, by a library in C, may have a copy.
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            self._close()

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Ballast:
    """A file that holds some room. When others have filled the disk it is thrown off, so that work
    that was taken can still be written down as done.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size

    def fill(self) -> None:
        """Take the room, if there is plenty and it is not taken already."""
        if not self._size or self._path.exists() or room_bytes(self._path.parent) < 2 * self._size:
            return
        handle = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, self._size)
            else:  # macOS
                write_all(handle, bytes(self._size))
        except OSError:
            self._path.unlink(missing_ok=True)
        finally:
            os.close(handle)

    def release(self) -> None:
        """Give the room back."""
        self._path.unlink(missing_ok=True)
