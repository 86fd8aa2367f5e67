"""Whether a database is fit to be relied on, looked at from outside, with or without a server on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from tocsin import limits
from tocsin.core.health import Check, Standing
from tocsin.store import counters
from tocsin.store.database import database_now, reading_engine, sqlite_path, writing_engine
from tocsin.store.latest import REMEDY, behind, newest_time
from tocsin.store.migrate import at, knows

OK, WARN, BAD = Standing.OK, Standing.WARN, Standing.BAD

FREE_BAD_BYTES = 200 * 1024**2
FREE_WARN_BYTES = 2 * 1024**3
FREE_WARN_PERCENT = 5
WAL_WARN_BYTES = 256 * 1024**2
"""Sixteen times what the log has when a reader or a full disk keeps nobody from emptying it."""

COMMIT_WARN_SECONDS = 0.1
COMMIT_BAD_SECONDS = 1.0
INTEGRITY_FAULTS = 3
"""How many faults of a damaged file are told of."""

RESTORE = "Stop the server, keep a copy of the file, and restore the newest backup into a new data folder."


def check_store(url: str, clock: Callable[[], datetime], timer: Callable[[], float]) -> list[Check]:
    """Everything that can be seen of a database, the most basic first; what rests on a bad one is left out.

    `timer` counts seconds. Writes once, to measure a durable commit: a counter of its own. Never raises for
    what it finds; safe while servers run.
    """
    path = sqlite_path(url)
    if path is None:
        return list(_checks(url, _postgresql(clock), timer))
    if not path.exists():
        return [
            Check("database", WARN, f"There is no database at {path} yet.", "Start the server: it makes one.")
        ]
    return [_free_space(path.parent), _log_size(path), *_checks(url, partial(_sqlite, clock), timer)]


Look = Callable[[Engine, Engine], Iterator[Check]]


def _checks(url: str, look: Look, timer: Callable[[], float]) -> Iterator[Check]:
    reading, writing = reading_engine(url), writing_engine(url)
    try:
        revision = Check("schema", OK, "")
        for one in look(reading, writing):
            yield one
            if one.name == "schema":
                revision = one
            if one.standing is BAD and one.name in ("database", "integrity"):
                return
        if revision.standing is OK:
            yield _commit(writing, timer)
    except DBAPIError as error:
        yield Check(
            "database", BAD, f"The database fails: {_words(error)}.", "Look into the database's own log."
        )
    finally:
        reading.dispose()
        writing.dispose()


def _sqlite(clock: Callable[[], datetime], reading: Engine, writing: Engine) -> Iterator[Check]:
    yield _integrity(reading)
    with reading.connect() as connection:
        yield (schema := _schema(connection))
        if schema.standing is OK:
            yield _newest(connection, clock())
    with writing.connect() as connection:
        yield from _sqlite_settings(connection)


def _postgresql(clock: Callable[[], datetime]) -> Look:
    def look(reading: Engine, _writing: Engine) -> Iterator[Check]:
        try:
            with reading.connect() as connection:
                yield Check("database", OK, f"PostgreSQL {_version(connection)} answers.")
                yield (schema := _schema(connection))
                yield from _postgresql_settings(connection)
                yield _clock(connection, clock)
                if schema.standing is OK:
                    yield _newest(connection, clock())
        except DBAPIError as error:
            remedy = "Check that PostgreSQL runs, and the address and password given as database."
            yield Check("database", BAD, f"The database does not answer: {_words(error)}.", remedy)

    return look


def _integrity(reading: Engine) -> Check:
    try:
        with reading.connect() as connection:
            check = text(f"PRAGMA integrity_check({INTEGRITY_FAULTS})")
            faults = [str(row[0]) for row in connection.execute(check)]
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorname", "").split("_")[1:2] not in (["CORRUPT"], ["NOTADB"]):
            words = f"The database file cannot be read: {_words(error)}."
            return Check("database", BAD, words, "Check the rights of the file and of its folder.")
        faults = [_words(error)]
    if faults == ["ok"]:
        return Check("integrity", OK, "Every page of the database file is sound.")
    return Check("integrity", BAD, f"The database file is damaged: {'; '.join(faults)}.", RESTORE)


def _schema(connection: Connection) -> Check:
    found, newest = at(connection)
    if found == newest:
        return Check("schema", OK, f"The schema is {found}, the newest.")
    if found is None:
        return Check("schema", WARN, "The database is empty.", "Start the server: it makes the tables.")
    if knows(found):
        remedy = f"Take a backup, then start the server: it brings the schema to {newest}."
        return Check("schema", WARN, f"The schema is {found}, and this Tocsin's is {newest}.", remedy)
    words = f"The schema is {found}, which this Tocsin does not know: another version has made it."
    remedy = "Run that version, or begin anew with another --data or an empty database."
    return Check("schema", BAD, words, remedy)


def _sqlite_settings(connection: Connection) -> Iterator[Check]:
    mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
    if mode == "wal":
        yield Check("journal", OK, "The journal is a write-ahead log.")
    else:
        words = (
            f"The journal is `{mode}`, and a write-ahead log is refused: readers and writer stop each other."
        )
        yield Check("journal", BAD, words, "Keep the data on a local disk; a network disk cannot do it.")
    synchronous = connection.execute(text("PRAGMA synchronous")).scalar_one()
    if synchronous == 2:
        yield Check("durability", OK, "A commit is on disk before it is confirmed.")
    else:
        words = f"synchronous is {synchronous}, not 2: a power cut may take what was confirmed."
        yield Check("durability", BAD, words, "Report this: the server sets it itself.")


_LOST = {
    "fsync": "what was confirmed may be lost, and the whole database with it, in a power cut",
    "full_page_writes": "a power cut in the middle of a write may damage the database",
    "synchronous_commit": "what was confirmed in the last second may be lost in a crash",
}


def _postgresql_settings(connection: Connection) -> Iterator[Check]:
    for name, lost in _LOST.items():
        setting = connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one()
        if setting == "off":
            remedy = f"Set {name} = on in postgresql.conf, and reload."
            yield Check(name, BAD, f"PostgreSQL runs with {name} off: {lost}.", remedy)
        else:
            yield Check(name, OK, f"PostgreSQL runs with {name} {setting}.")


def _clock(connection: Connection, clock: Callable[[], datetime]) -> Check:
    before = clock().timestamp()
    theirs = database_now(connection)
    assert theirs is not None, "only PostgreSQL is asked for its clock"
    skew = (before + clock().timestamp()) / 2 - theirs
    if abs(skew) <= limits.CLOCK_SKEW_SECONDS:
        return Check("clock", OK, f"This clock and the database's are {abs(skew):.1f} seconds apart.")
    words = f"This clock is {abs(skew):.1f} seconds {'ahead of' if skew > 0 else 'behind'} the database's."
    return Check("clock", BAD, words, "Set both machines' clocks by NTP; until then this node pages nobody.")


def _newest(connection: Connection, now: datetime) -> Check:
    newest = newest_time(connection)
    if said := behind(newest, now):
        return Check("time", WARN, said, REMEDY)
    return Check("time", OK, "No time in the database is ahead of this clock.")


def _commit(writing: Engine, timer: Callable[[], float]) -> Check:
    with writing.connect() as connection, connection.begin() as transaction:
        counters.next_number(connection, "doctor")
        started = timer()
        transaction.commit()
        took = timer() - started
    words = f"A durable commit takes {took * 1000:.0f} ms."
    if took <= COMMIT_WARN_SECONDS:
        return Check("commit", OK, words)
    remedy = "Look what else is using the disk; an SSD with power-loss protection takes under 10 ms."
    return Check("commit", BAD if took > COMMIT_BAD_SECONDS else WARN, words, remedy)


def _free_space(folder: Path) -> Check:
    usage = shutil.disk_usage(folder)
    percent = 100 * usage.free // usage.total
    words = f"{usage.free / 1024**3:.1f} GiB ({percent} %) are free where {folder} is."
    if usage.free >= FREE_WARN_BYTES and percent >= FREE_WARN_PERCENT:
        return Check("disk", OK, words)
    standing = BAD if usage.free < FREE_BAD_BYTES else WARN
    return Check("disk", standing, words, "Make room: when it is full, no alert is taken any more.")


def _log_size(path: Path) -> Check:
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    words = f"The write-ahead log has {size / 1024**2:.0f} MiB."
    if size <= WAL_WARN_BYTES:
        return Check("log", OK, words)
    remedy = "Something has been reading for long, such as a backup: let it end, or end it."
    return Check("log", WARN, words, remedy)


def _version(connection: Connection) -> str:
    return str(connection.execute(text("SHOW server_version")).scalar_one()).split()[0]


def _words(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split()).rstrip(".")
