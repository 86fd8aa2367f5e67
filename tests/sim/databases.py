"""The databases a run can have: a plain SQLite file, one whose power can be cut, a PostgreSQL of two nodes.

Each can be restarted under the store's feet, and be looked into through a connection of its own, which shares
nothing with the store under test.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests.support.postgres import Cluster
from tests.support.powerloss import PowerLossDisk
from tocsin.store.database import sqlite_url, writing_engine
from tocsin.store.migrate import migrate

KINDS = ("sqlite", "powerloss", "postgresql")
LOCK_MILLISECONDS = 50
Row = Sequence[Any]


def fast_folder() -> str | None:
    """Memory, where the machine offers it as a folder: what a disk forgets is simulated, not waited for."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None


def fast_cluster() -> Cluster:
    """A PostgreSQL with its files in memory, where the machine has that: it syncs, and need not wait."""
    before = tempfile.tempdir
    tempfile.tempdir = fast_folder()
    try:
        return Cluster()
    finally:
        tempfile.tempdir = before


class Database(Protocol):
    """One database, empty but for its schema when it is made. `url` may change with a restart."""

    kind: str
    url: str

    def look(self, statement: str, *values: object) -> Sequence[Row]:
        """What is committed now; `?` stands for a value on every kind of database."""
        ...

    def restart(self) -> None:
        """Stop and start again; no store may have a transaction open."""
        ...

    def cut_connections(self) -> None:
        """Every connection of a store dies, in the middle of whatever it does."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


class SqliteDatabase:
    """A file. Restarting it is opening it again, which the caller's store does."""

    kind: str = "sqlite"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tocsin-sim-", dir=fast_folder()))
        self.path = self._folder / "run-0" / "tocsin.db"
        self.path.parent.mkdir()
        shutil.copy(Path(_template().name) / "tocsin.db", self.path)
        self.url = sqlite_url(self.path)
        self._eyes: sqlite3.Connection | None = None

    def look(self, statement: str, *values: object) -> Sequence[Row]:
        if self._eyes is None:
            self._eyes = sqlite3.connect(self.path, isolation_level=None)
            self._eyes.execute("PRAGMA query_only = ON")
        return self._eyes.execute(statement, values).fetchall()

    def restart(self) -> None:
        self._blink()

    def cut_connections(self) -> None:
        raise NotImplementedError("SQLite's only connection is the process itself")

    def close(self) -> None:
        self._blink()
        shutil.rmtree(self._folder)

    def _blink(self) -> None:
        if self._eyes is not None:
            self._eyes.close()
            self._eyes = None


class PowerlossDatabase(SqliteDatabase):
    """A file on a disk that can lose its power: what was synced is there then, and perhaps some more."""

    kind: str = "powerloss"

    def __init__(self) -> None:
        super().__init__()
        self.disk = PowerLossDisk()
        self._cuts = 0
        self._image: Path | None = None
        self._plug_in()

    def _plug_in(self) -> None:
        self.disk.register("powerloss")
        self.url = f"sqlite+pysqlite:///file:{self.path}?vfs=powerloss&uri=true"

    def look(self, statement: str, *values: object) -> Sequence[Row]:
        if self._eyes is None:
            uri = f"file:{self.path}?vfs=powerloss"
            self._eyes = sqlite3.connect(uri, uri=True, isolation_level=None)
            self._eyes.execute("PRAGMA query_only = ON")
        return self._eyes.execute(statement, values).fetchall()

    def cut(self, survivors: random.Random | None) -> None:
        """Keep what the disk would hold if the power went now; the next restart begins from it."""
        if self._image is None:
            self._cuts += 1
            self._image = self._folder / f"run-{self._cuts}"
            self.disk.image(self._image, survivors=survivors)

    def restart(self) -> None:
        """Open what the last power cut left, if there was one. Every store must be closed by now."""
        self._blink()
        if self._image is not None:
            shutil.rmtree(self.path.parent)
            self.path, self._image = self._image / "tocsin.db", None
            self.disk = PowerLossDisk()
            self._plug_in()


class PostgresDatabase:
    """A database in a cluster that others may be using too."""

    kind: str = "postgresql"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stack = ExitStack()
        template = cluster.template("tocsin_sim", _migrate)
        # Nothing waits long for a lock here: all runs on one thread, whoever holds it cannot go on meanwhile.
        self._plain_url = self._stack.enter_context(cluster.database(template))
        self.url = f"{self._plain_url}?options=-c%20lock_timeout%3D{LOCK_MILLISECONDS}"
        self._eyes: psycopg.Connection[Any] | None = None

    def look(self, statement: str, *values: object) -> Sequence[Row]:
        if self._eyes is None or self._eyes.closed:
            self._eyes = psycopg.connect(self._plain_url, autocommit=True)
        return self._eyes.execute(statement.replace("?", "%s"), values).fetchall()

    def restart(self) -> None:
        """The whole server stops at once, without a checkpoint, and recovers."""
        if self._eyes is not None:
            self._eyes.close()
        self._cluster.crash()
        self._cluster.start()

    def cut_connections(self) -> None:
        """Waits until they are gone: an answer that came in between would make two runs differ."""
        self.look(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def close(self) -> None:
        if self._eyes is not None:
            self._eyes.close()
        self._stack.close()


def open_database(kind: str, cluster: Cluster | None) -> Database:
    """A fresh database of that kind."""
    if kind == "postgresql":
        assert cluster is not None, "PostgreSQL needs a cluster"
        return PostgresDatabase(cluster)
    return PowerlossDatabase() if kind == "powerloss" else SqliteDatabase()


@cache
def _template() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="tocsin-sim-template-", dir=fast_folder())
    _migrate(sqlite_url(Path(folder.name) / "tocsin.db"))
    return folder


def _migrate(url: str) -> None:
    engine = writing_engine(url)
    migrate(engine)
    engine.dispose()
