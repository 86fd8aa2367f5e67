"""A SQLite VFS that remembers what a power cut would take away.

After `PowerLossDisk().register("powerloss")` open `sqlite3.connect("file:/path/db?vfs=powerloss", uri=True)`.
The files are written as ever; beside them the disk keeps what each file's last xSync covered, and every
change since. It sees only what goes through it: so must every writer of the directory, from this process.
Connections may live on any threads, but never in two at once: each may hold the lock the other waits for.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import random
import sys
import threading
from collections.abc import Callable
from ctypes import CFUNCTYPE, c_char, c_int, c_int64, c_void_p
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SECTOR_BYTES = 512
_OK, _CREATE = 0, 0x4  # SQLITE_OK, SQLITE_OPEN_CREATE
_JOURNALS = 0x800 | 0x4000 | 0x80000  # SQLITE_OPEN_MAIN_JOURNAL, _SUPER_JOURNAL, _WAL
_LASTING = _JOURNALS | 0x100  # and SQLITE_OPEN_MAIN_DB; the other kinds are temporary files
_shims: dict[str, _Shim] = {}  # by the name of the VFS


class _IoMethods(ctypes.Structure):
    _fields_ = [
        ("iVersion", c_int),
        ("xClose", CFUNCTYPE(c_int, c_void_p)),
        ("xRead", CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)),
        ("xWrite", CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)),
        ("xTruncate", CFUNCTYPE(c_int, c_void_p, c_int64)),
        ("xSync", CFUNCTYPE(c_int, c_void_p, c_int)),
        ("xFileSize", CFUNCTYPE(c_int, c_void_p, c_void_p)),
        ("unchanged", c_void_p * 12),  # xLock to xUnfetch
    ]


class _Vfs(ctypes.Structure):
    _fields_ = [
        ("numbers", c_int * 3),  # iVersion, szOsFile, mxPathname
        ("pointers", c_void_p * 3),  # pNext, zName, pAppData
        # Names of files stay addresses: behind the last byte SQLite keeps the parameters of the URI.
        ("xOpen", CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)),
        ("xDelete", CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)),
        ("unchanged", c_void_p * 14),  # xAccess to xNextSystemCall
    ]


@dataclass(frozen=True)
class _Change:
    offset: int
    data: bytes | None  # None: the file is cut, or stretched, to `offset` bytes

    def apply(self, content: bytearray) -> None:
        content.extend(bytes(max(0, self.offset - len(content))))
        end = len(content) if self.data is None else self.offset + len(self.data)
        content[self.offset : end] = self.data or b""

    def sectors(self) -> list[_Change]:
        data, start = self.data or b"", self.offset
        sectors = range(-(start % _SECTOR_BYTES), len(data), _SECTOR_BYTES)
        return [_Change(start + max(at, 0), data[max(at, 0) : at + _SECTOR_BYTES]) for at in sectors]


@dataclass(eq=False)
class _File:
    durable: bytearray
    pending: list[_Change] = field(default_factory=list)
    changes: int = 0  # ever made; `durable` has all but the last `len(pending)` of them

    def after_power_loss(self, survivors: random.Random | None) -> bytes:
        content = bytearray(self.durable)
        if survivors is not None:
            # SQLite reads a log up to its first gap, so only odds near 1 let it read far.
            odds = survivors.choice((0.0, 0.5, 0.9, 0.99, 1.0))
            for change in self.pending:
                for piece in change.sectors() if change.data and survivors.random() < 0.5 else [change]:
                    if survivors.random() < odds:
                        piece.apply(content)
        return bytes(content)


@dataclass(eq=False)
class _Handle:
    disk: PowerLossDisk
    path: Path
    file: _File
    original: Any  # the _IoMethods of the default VFS
    syncs_directory: bool  # SQLite syncs the directory after the first sync of a journal's handle


class PowerLossDisk:
    """What one directory of SQLite files has promised to keep. Files it first meets are durable as they are.

    After a power cut, go on with a new disk. `sync_count` counts the xSyncs that have returned. Before each
    write, truncation, sync and deletion `before_change` is called, on that thread: an image taken there is
    of a power cut in the middle of a commit. It must not raise, nor use that connection.
    """

    def __init__(self) -> None:
        self.sync_count = 0
        self.before_change: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._current: dict[Path, _File] = {}
        self._durable: dict[Path, _File] = {}  # the names that the directory would have after power loss

    def register(self, name: str) -> None:
        """Files opened with `?vfs=name` from now on are this disk's; open ones stay with the disk before."""
        assert supported() is None, supported()
        if name not in _shims:
            _shims[name] = _Shim(name, self)
        _shims[name].disk = self

    def image(self, into: Path, *, survivors: random.Random | None = None) -> None:
        """Write to `into`, a new or empty directory, the files as power loss at this moment would leave them.

        Without `survivors`, every change since a file's last sync is gone, be it a write, a truncation, the
        file's creation or its deletion. With it, chance keeps or loses each, and writes also by 512-byte
        sectors; the same history and seed give the same image. The -shm file is never there. May be called
        at any moment on any thread.
        """
        into.mkdir(parents=True, exist_ok=True)
        assert not any(into.iterdir()), f"an image needs an empty directory, which {into} is not"
        with self._lock:
            paths = sorted(self._durable.keys() | self._current.keys())
            assert len({path.parent for path in paths}) < 2, f"one disk, one directory; not {paths}"
            for path in paths:
                names = self._current if survivors is not None and survivors.random() < 0.5 else self._durable
                if path in names:
                    (into / path.name).write_bytes(names[path].after_power_loss(survivors))


class _Shim:
    """The registered VFS: it calls the default one, then notes on the file's disk what was done."""

    def __init__(self, name: str, disk: PowerLossDisk) -> None:
        # SQLite may call until the process ends, after Python has let go of its modules.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))
        self.disk, self.name = disk, ctypes.create_string_buffer(os.fsencode(name))
        self.handles: dict[int, _Handle] = {}  # by the address of SQLite's file object
        self.tables: dict[int, Any] = {}  # copies of the default VFS's _IoMethods, by their address
        sqlite = _library()
        sqlite.sqlite3_vfs_find.restype = c_void_p
        assert sqlite.sqlite3_vfs_find(self.name) is None, f"SQLite already has a VFS named {name}"
        self.original = _Vfs.from_address(sqlite.sqlite3_vfs_find(None))
        self.vfs = _override(self.original, self.open, self.delete)
        self.vfs.pointers[1] = ctypes.addressof(self.name)
        assert sqlite.sqlite3_vfs_register(ctypes.byref(self.vfs), 0) == _OK

    def open(self, _vfs: int, name: int, address: int, flags: int, flags_out: int | None) -> int:
        if not flags & _LASTING:
            return int(self.original.xOpen(ctypes.byref(self.original), name, address, flags, flags_out))
        disk, path = self.disk, Path(os.fsdecode(ctypes.string_at(name)))
        with disk._lock:
            existed = path.exists()
            result = int(self.original.xOpen(ctypes.byref(self.original), name, address, flags, flags_out))
            if result == _OK:
                table = c_void_p.from_address(address)
                methods = _IoMethods.from_address(key := table.value or 0)
                if key not in self.tables:
                    self.tables[key] = _override(methods, self.write, self.truncate, self.sync, self.close)
                if not existed:
                    disk._current[path] = _File(bytearray())
                elif path not in disk._current:
                    disk._current[path] = disk._durable[path] = _File(_content(methods, address))
                syncs_directory = bool(flags & _JOURNALS and flags & _CREATE)
                self.handles[address] = _Handle(disk, path, disk._current[path], methods, syncs_directory)
                table.value = ctypes.addressof(self.tables[key])
        return result

    def write(self, address: int, data: int, size: int, offset: int) -> int:
        change = _Change(offset, ctypes.string_at(data, size))
        return self.change(address, "xWrite", (data, size, offset), change)

    def truncate(self, address: int, size: int) -> int:
        return self.change(address, "xTruncate", (size,), _Change(size, None))

    def change(self, address: int, method: str, arguments: tuple[int, ...], change: _Change) -> int:
        handle = self.handles[address]
        handle.disk.before_change()
        if (result := int(getattr(handle.original, method)(address, *arguments))) == _OK:
            with handle.disk._lock:
                handle.file.pending.append(change)
                handle.file.changes += 1
        return result

    def sync(self, address: int, flags: int) -> int:
        handle = self.handles[address]
        disk, file = handle.disk, handle.file
        disk.before_change()
        covered = file.changes  # What another thread writes from here on is not.
        if (result := int(handle.original.xSync(address, flags))) == _OK:
            with disk._lock:
                disk.sync_count += 1
                while file.changes - len(file.pending) < covered:
                    file.pending.pop(0).apply(file.durable)
                if handle.syncs_directory:
                    handle.syncs_directory, disk._durable = False, dict(disk._current)
                elif disk._current.get(handle.path) is file:
                    disk._durable[handle.path] = file  # as Linux file systems do when a new file is synced
        return result

    def delete(self, _vfs: int, name: int, sync_directory: int) -> int:
        (disk := self.disk).before_change()
        if (result := int(self.original.xDelete(ctypes.byref(self.original), name, sync_directory))) == _OK:
            with disk._lock:
                disk._current.pop(Path(os.fsdecode(ctypes.string_at(name))), None)
                disk._durable = dict(disk._current) if sync_directory else disk._durable
        return result

    def close(self, address: int) -> int:
        return int(self.handles.pop(address).original.xClose(address))


def supported() -> str | None:
    """Why the SQLite of this Python cannot be shimmed, in words fit for `pytest.skip`; None when it can."""
    if sys.platform != "linux":
        return f"the power loss VFS is untested on {sys.platform}"
    if not hasattr(_library(), "sqlite3_vfs_register"):
        return "this Python has SQLite linked in statically, so no VFS can be registered with it"
    return None


def _library() -> Any:
    # A symbol looked up in the extension module is found in the very libsqlite3 that it is linked with.
    spec = importlib.util.find_spec("_sqlite3")
    return ctypes.CDLL(spec.origin) if spec is not None and spec.has_location else None


def _override(original: ctypes.Structure, *callbacks: Callable[..., int]) -> Any:
    copy = type(original).from_buffer_copy(original)
    for callback in callbacks:
        name = "x" + callback.__name__.capitalize()
        setattr(copy, name, type(getattr(original, name))(callback))
    return copy


def _content(methods: Any, address: int) -> bytearray:
    # Not by opening the path: closing it again would drop this process's locks on the file.
    methods.xFileSize(address, ctypes.byref(size := c_int64()))
    content = bytearray(size.value)
    methods.xRead(address, (c_char * size.value).from_buffer(content), size.value, 0)
    return content
