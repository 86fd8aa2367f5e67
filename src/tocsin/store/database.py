"""Opening a database: one address, two dialects, the settings that make a commit durable."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from tocsin import limits
from tocsin.store.errors import AlreadyRunning

READERS = 4

_CONNECTING = {
    "connect_timeout": limits.CONNECT_TIMEOUT_SECONDS,
    "tcp_user_timeout": limits.CONNECT_TIMEOUT_SECONDS * 1_000,
    "keepalives_idle": limits.CONNECT_TIMEOUT_SECONDS,
}
"""PostgreSQL's client would wait for minutes for a host that is gone, and with it the writer."""


def sqlite_url(path: Path) -> str:
    """The address of an SQLite file."""
    return f"sqlite+pysqlite:///{path}"


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite address; None for PostgreSQL."""
    return Path(make_url(url).database or "") if is_sqlite(url) else None


def password_of(url: str) -> str:
    """The password in an address, or nothing."""
    return str(make_url(url).password or "")


def writing_engine(url: str) -> Engine:
    """An engine whose transactions take the write lock at once and are on disk when commit returns."""
    if is_sqlite(url):
        # A pool of one that is not bound to a thread: the writer thread owns it, whoever opened it.
        engine = create_engine(url, connect_args={"check_same_thread": False}, pool_size=1, max_overflow=0)
        _prepare_sqlite(engine, writing=True)
        return engine
    return create_engine(
        _psycopg(url), pool_size=4, max_overflow=0, pool_pre_ping=True, connect_args=_CONNECTING
    )


def reading_engine(url: str) -> Engine:
    """A small pool of connections that cannot write."""
    if is_sqlite(url):
        engine = create_engine(
            url, connect_args={"check_same_thread": False}, pool_size=READERS, max_overflow=0
        )
        _prepare_sqlite(engine, writing=False)
        return engine
    return create_engine(
        _psycopg(url),
        pool_size=READERS,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=_CONNECTING,
        execution_options={"postgresql_readonly": True},
    )


def is_sqlite(url: str) -> bool:
    """Whether the address names an SQLite database."""
    return make_url(url).get_backend_name() == "sqlite"


def is_full(error: BaseException) -> bool:
    """Whether a database error means that there is no room left."""
    words = str(error).lower()
    return isinstance(error, DBAPIError) and (
        "database or disk is full" in words or "no space left" in words or "could not extend file" in words
    )


def lost_race(error: BaseException) -> bool:
    """Whether another transaction won: the same job, run again, will see what that one did."""
    if not isinstance(error, DBAPIError):
        return False
    # Serialisation failure, deadlock, unique violation (SQLSTATE); SQLite knows only the last.
    state = getattr(error.orig, "sqlstate", None)
    return state in ("40001", "40P01", "23505") or isinstance(error.orig, sqlite3.IntegrityError)


def lock_data(directory: Path) -> int:
    """Take the lock of a data directory for the life of this process; raises AlreadyRunning."""
    handle = os.open(directory / "tocsin.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as busy:
        os.close(handle)
        raise AlreadyRunning(
            f"Another Tocsin server is using {directory}. Stop it first, or give this one its own --data."
        ) from busy
    return handle


@contextmanager
def past_sqlalchemy(connection: Connection, words: str) -> Iterator[Any]:
    """The driver's own cursor, where SQLAlchemy's share would be most of the cost.

    Errors come out as SQLAlchemy's, by which the writer knows a full disk and a lost race.
    """
    try:
        yield connection.connection.cursor()
    except connection.dialect.loaded_dbapi.Error as error:
        raise DBAPIError(words, None, error) from error


def skip_locked(connection: Connection, statement: Any) -> Any:
    """The select, taking its rows and passing over those another node holds. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        return statement.with_for_update(skip_locked=True)
    return statement


class among(FunctionElement[Any]):
    """`among(column, text)`: whether a number is one of those listed in a text, such as "3,14".

    SQLAlchemy's own IN names and binds each number anew at each execution: for some hundred of them that took
    longer than the query itself.
    """

    # Not Boolean: SQLAlchemy would write `IN (...) = 1`, for which SQLite reads the whole table.
    type = NullType()
    inherit_cache = True


@compiles(among, "sqlite")
def _among_on_sqlite(wanted: among, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(one, **options) for one in wanted.clauses)
    return f"{column} IN (SELECT value FROM json_each('[' || {numbers} || ']'))"  # noqa: S608  # compiled SQL


@compiles(among, "postgresql")
def _among_on_postgresql(wanted: among, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(one, **options) for one in wanted.clauses)
    return f"{column} = ANY (string_to_array({numbers}, ',')::bigint[])"


def listed(numbers: Iterable[int]) -> str:
    """Numbers as the text that `among` takes."""
    return ",".join(map(str, numbers))


def database_now(connection: Connection) -> float | None:
    """The database's clock in seconds since 1970; None for SQLite, which has no clock of its own."""
    if connection.dialect.name != "postgresql":
        return None
    return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def _psycopg(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _prepare_sqlite(engine: Engine, *, writing: bool) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling would begin late and commit early: ours does neither.
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout = 10000")
        if writing:
            connection.execute("PRAGMA journal_mode = WAL")
            # WAL with NORMAL survives kill -9 but not a power cut; FULL survives both.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            # What is erased, or was written anew, is overwritten, not only forgotten.
            connection.execute("PRAGMA secure_delete = ON")
        else:
            connection.execute("PRAGMA query_only = ON")

    # A listener for "begin" would slow down every statement: SQLAlchemy then looks for listeners at each.
    words = "BEGIN IMMEDIATE" if writing else "BEGIN"

    def begin(connection: PoolProxiedConnection) -> None:
        connection.cursor().execute(words)

    engine.dialect.do_begin = begin  # type: ignore[assignment]  # a hook of dialects
