"""Backup of a database in use, and restoring it into either kind of database."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from psycopg import sql
from sqlalchemy import Connection, column, func, insert, inspect, literal, select, table, text
from sqlalchemy.exc import DBAPIError

from tocsin.store import archive, sending
from tocsin.store.archive import Manifest, Row, Table, Value
from tocsin.store.database import lock_data, reading_engine, sqlite_path, writing_engine
from tocsin.store.errors import BackupError
from tocsin.store.migrate import at, knows, upgrade
from tocsin.store.schema import leases, metadata
from tocsin.store.schema import outbox as outbox_table
from tocsin.store.writer import translated

Progress = Callable[[str, int], None]
"""Told now and then which table is at work and how many of its rows are done."""

VERSION_TABLE = "alembic_version"


def quiet(_table: str, _rows: int) -> None:
    """The default progress."""


def backup(url: str, into: Path, now: datetime, progress: Progress = quiet) -> Manifest:
    """Write one consistent moment of the database to the file `into`, while servers go on writing.

    The file appears whole, on disk and read back, or not at all; an older one of that name stays until then.
    It holds people's addresses and secrets of webhooks, and only its owner can read it. Raises BackupError
    or StoreError.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{into.name}.", dir=into.parent)
    except OSError as error:
        raise BackupError(f"{into} cannot be written: {error.strerror}.") from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw:
            with archive.compressed(raw) as stream, _snapshot(url) as connection:
                manifest = _write(connection, archive.Writing(stream, _header(connection, now)), progress)
            raw.flush()
            os.fsync(raw.fileno())
        if verify(part) != manifest:
            raise BackupError(f"{into} was not written as it should be. Remedy: check the disk, try again.")
        part.replace(into)
        _sync_folder(into.parent)
    except OSError as error:
        raise BackupError(f"{into} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    return manifest


def verify(file: Path) -> Manifest:
    """What the backup holds, after reading every row and comparing every hash; raises BackupError."""
    with archive.opened(file) as reading:
        for _, batches in reading.tables():
            for _ in batches:
                pass
        return reading.manifest()


def restore(file: Path, url: str, progress: Progress = quiet) -> Manifest:
    """Load a backup into an empty database, at today's schema: all of it or nothing.

    What was being sent when the backup was made waits again, marked as a possible repeat. Raises BackupError,
    StoreError, or AlreadyRunning when a server uses the data directory.
    """
    with archive.opened(file) as reading, _alone(url):
        if not knows(reading.header.revision):
            raise BackupError(
                f"{file} has schema {reading.header.revision}, which this Tocsin does not know. "
                "Remedy: restore it with the version that made it."
            )
        engine = writing_engine(url)
        try:
            with engine.connect() as connection, connection.begin():
                _make_room(connection)
                upgrade(connection, reading.header.revision)
                for described, batches in reading.tables():
                    _load(connection, described, batches, progress)
                upgrade(connection)
                _let_go(connection)
                _reset_sequences(connection)
        except DBAPIError as error:
            raise translated(error) from error
        finally:
            engine.dispose()
        return reading.manifest()


@contextmanager
def _snapshot(url: str) -> Iterator[Connection]:
    """A connection that sees one moment of the database however long it reads, and holds up no writer."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise BackupError(f"There is no database at {path}. Remedy: name the data folder with --data.")
    engine = reading_engine(url)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
    except DBAPIError as error:
        raise translated(error) from error
    finally:
        engine.dispose()


def _header(connection: Connection, now: datetime) -> archive.Header:
    revision, _ = at(connection)
    if revision is None:
        raise BackupError(
            "This database is not Tocsin's, or no server has ever used it. There is nothing to save."
        )
    return archive.Header(archive.FORMAT, revision, now, connection.dialect.name)


def _write(connection: Connection, writing: archive.Writing, progress: Progress) -> Manifest:
    """Every table as it is in the database, which may be older than this program."""
    inspector = inspect(connection)
    # Leases say which node does what right now; to a restored database they mean nothing.
    for name in sorted(set(inspector.get_table_names()) - {VERSION_TABLE, leases.name}):
        columns = [one["name"] for one in inspector.get_columns(name)]
        writing.table(name, columns, _batches(connection, name, columns, progress))
    return writing.finish()


def _batches(
    connection: Connection, name: str, columns: list[str], progress: Progress
) -> Iterator[list[Row]]:
    # Without types, so that values come as they are stored.
    statement = select(table(name, *map(column, columns)))
    done = 0
    with connection.execution_options(yield_per=archive.BATCH_ROWS).execute(statement) as result:
        for partition in result.partitions():
            done += len(partition)
            progress(name, done)
            yield [tuple(row) for row in partition]


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """No server may be using the data directory; PostgreSQL's own locks see to that there."""
    path = sqlite_path(url)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = lock_data(path.parent)
    try:
        yield
    finally:
        os.close(handle)


def _make_room(connection: Connection) -> None:
    """Take away empty tables of ours, which may be of another revision; refuse where there is data."""
    found = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
    strange = sorted(found - set(metadata.tables))
    if strange:
        raise BackupError(
            f"The database holds tables that are not Tocsin's ({', '.join(strange)}). "
            "Remedy: restore into a database of its own."
        )
    full = [name for name in sorted(found) if _has_rows(connection, name)]
    if full:
        raise BackupError(
            f"The database already holds data ({', '.join(full)}), and a backup replaces nothing. "
            "Remedy: name a new folder with --data, or a new database with --database."
        )
    metadata.drop_all(connection)
    connection.execute(text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))


def _has_rows(connection: Connection, name: str) -> bool:
    return connection.execute(select(literal(1)).select_from(table(name)).limit(1)).first() is not None


def _load(
    connection: Connection, described: Table, batches: Iterator[list[list[Value]]], progress: Progress
) -> None:
    put = _copy if connection.dialect.name == "postgresql" else _insert
    done = 0
    for batch in batches:
        put(connection, described, batch)
        done += len(batch)
        progress(described.name, done)


def _insert(connection: Connection, described: Table, rows: list[list[Value]]) -> None:
    into = table(described.name, *map(column, described.columns))
    connection.execute(insert(into), [dict(zip(described.columns, row, strict=True)) for row in rows])


def _copy(connection: Connection, described: Table, rows: list[list[Value]]) -> None:
    """PostgreSQL's own bulk load: an INSERT for each row takes ten times as long."""
    names = sql.SQL(", ").join(map(sql.Identifier, described.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(described.name), names)
    with closing(connection.connection.cursor()) as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _let_go(connection: Connection) -> None:
    """Whoever was sending when the backup was made is not sending for this database."""
    until = connection.scalar(select(func.max(outbox_table.c.leased_until)))
    if until is not None:
        sending.recover(connection, until)


def _reset_sequences(connection: Connection) -> None:
    """The next row gets a number after the last one restored. SQLite goes by the rows themselves."""
    if connection.dialect.name != "postgresql":
        return
    for one in metadata.sorted_tables:
        serial = one.autoincrement_column
        if serial is not None:
            sequence = func.pg_get_serial_sequence(one.name, serial.name)
            last = func.coalesce(func.max(serial), 0)
            connection.execute(select(func.setval(sequence, last + 1, False)))


def _sync_folder(folder: Path) -> None:
    """Without this the new name may be gone after a power cut, though the file is on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
