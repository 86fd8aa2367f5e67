"""What the doctor says of a database: each thing that makes it unfit has its sentence and its remedy."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from tests.store.conftest import NewDatabase
from tests.store.test_alerts import received, record
from tests.support.postgres import Cluster
from tocsin.core.health import Check, Standing
from tocsin.store import health, migrate
from tocsin.store.database import reading_engine, sqlite_path, sqlite_url
from tocsin.store.health import RESTORE, check_store
from tocsin.store.latest import REMEDY
from tocsin.store.revision import NEWEST
from tocsin.store.store import Store

OK, WARN, BAD = Standing.OK, Standing.WARN, Standing.BAD
GIB = 1024**3


def clock() -> datetime:
    return datetime.now(UTC)


def ticking(seconds: float) -> Callable[[], float]:
    """A timer by which everything takes that long."""
    return itertools.count(0, seconds).__next__


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The disk as the checks see it, half empty."""
    usage = SimpleNamespace(total=100 * GIB, free=50 * GIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    return usage


def checks(url: str, commit_seconds: float = 0.01) -> dict[str, Check]:
    return {one.name: one for one in check_store(url, clock, ticking(commit_seconds))}


def not_ok(url: str) -> list[Check]:
    return [one for one in checks(url).values() if one.standing is not OK]


def test_a_healthy_database_passes_every_check(url: str) -> None:
    found = checks(url)
    assert not_ok(url) == []
    wanted = {
        "sqlite": ["disk", "log", "integrity", "schema", "time", "journal", "durability", "commit"],
        "postgresql": [
            "database", "schema", "fsync", "full_page_writes", "synchronous_commit", "clock", "time",
            "commit",
        ],
    }  # fmt: skip
    assert list(found) == wanted["sqlite" if sqlite_path(url) else "postgresql"]
    assert found["commit"].sentence == "A durable commit takes 10 ms."
    assert all(one.sentence.endswith(".") for one in found.values())


def test_a_server_at_work_is_not_in_the_way(store: Store) -> None:
    record(store, [replace(received("T", "before"), at=clock())])
    assert not_ok(store.url) == []
    record(store, [replace(received("T", "after"), at=clock())])


def test_a_clock_that_is_behind_what_is_stored_is_told_of(store: Store) -> None:
    record(store, [replace(received("T", "of tomorrow"), at=clock() + timedelta(days=1))])
    found = checks(store.url)["time"]
    assert (found.standing, found.remedy) == (WARN, REMEDY)
    assert found.sentence.startswith("This machine's clock is 86")


@pytest.fixture
def file(new_database: NewDatabase) -> Path:
    """An SQLite database with some alerts."""
    url = new_database("sqlite")
    store = Store(url)
    record(store, [received("T", f"key {number}") for number in range(200)])
    store.close()
    path = sqlite_path(url)
    assert path is not None
    return path


def test_a_flipped_page_is_found(file: Path) -> None:
    content = bytearray(file.read_bytes())
    page = len(content) // 4096 - 3
    content[page * 4096 : page * 4096 + 64] = bytes(byte ^ 0xFF for byte in content[page * 4096 :][:64])
    file.write_bytes(content)
    found = checks(sqlite_url(file))
    assert list(found) == ["disk", "log", "integrity"]
    assert (found["integrity"].standing, found["integrity"].remedy) == (BAD, RESTORE)
    assert found["integrity"].sentence.startswith("The database file is damaged: ")


def test_a_file_that_is_no_database_is_found(file: Path) -> None:
    file.write_bytes(b"something else" * 1000)
    assert not_ok(sqlite_url(file)) == [
        Check("integrity", BAD, "The database file is damaged: file is not a database.", RESTORE)
    ]


def test_a_file_that_cannot_be_opened_is_not_called_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "folder.db"
    folder.mkdir()
    assert not_ok(sqlite_url(folder)) == [
        Check(
            "database",
            BAD,
            "The database file cannot be read: unable to open database file.",
            "Check the rights of the file and of its folder.",
        )
    ]


def test_a_database_that_is_not_there_yet_is_said_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    words = f"There is no database at {path} yet."
    assert not_ok(sqlite_url(path)) == [Check("database", WARN, words, "Start the server: it makes one.")]
    assert not path.exists()


def test_an_empty_database_is_said(empty_url: str) -> None:
    Store(empty_url).close()
    path = sqlite_path(empty_url)
    if path is not None:
        path.touch()
    words = "The database is empty."
    assert not_ok(empty_url) == [Check("schema", WARN, words, "Start the server: it makes the tables.")]


@pytest.fixture
def at_schema(new_database: NewDatabase) -> Callable[[str], str]:
    """A database that says that its schema is of that revision."""

    def make(revision: str) -> str:
        url = new_database("sqlite")
        store = Store(url)
        with store.writing.connect() as connection, connection.begin():
            connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
        store.close()
        return url

    return make


def test_a_schema_of_another_version_is_bad(at_schema: Callable[[str], str]) -> None:
    words = "The schema is 9999, which this Tocsin does not know: another version has made it."
    remedy = "Run that version, or begin anew with another --data or an empty database."
    assert not_ok(at_schema("9999")) == [Check("schema", BAD, words, remedy)]


def test_a_schema_that_is_behind_asks_for_a_backup_first(
    at_schema: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "at", lambda connection: (migrate.at(connection)[0], "0099"))
    newest = NEWEST
    words = f"The schema is {newest}, and this Tocsin's is 0099."
    remedy = "Take a backup, then start the server: it brings the schema to 0099."
    assert not_ok(at_schema(newest)) == [Check("schema", WARN, words, remedy)]


ROOM = [
    (50 * GIB, OK, ""),
    (int(4.5 * GIB), WARN, "4.5 GiB (4 %) are free where {folder} is."),
    (GIB // 10, BAD, "0.1 GiB (0 %) are free where {folder} is."),
]


@pytest.mark.parametrize(("free", "standing", "words"), ROOM, ids=["half", "little", "hardly any"])
def test_little_room_is_said(
    file: Path, room: SimpleNamespace, free: int, standing: Standing, words: str
) -> None:
    room.free = free
    found = checks(sqlite_url(file))["disk"]
    assert found.standing is standing
    if words:
        assert found.sentence == words.format(folder=file.parent)
        assert found.remedy == "Make room: when it is full, no alert is taken any more."


def test_a_log_that_nobody_empties_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WAL_WARN_BYTES", 1024**2)
    log = file.with_name(file.name + "-wal")
    log.write_bytes(bytes(3 * 1024**2))
    found = checks(sqlite_url(file))["log"]
    assert (found.standing, found.sentence) == (WARN, "The write-ahead log has 3 MiB.")


@pytest.mark.parametrize(("seconds", "standing"), [(0.1, OK), (0.2, WARN), (1.5, BAD)])
def test_a_slow_commit_is_said(url: str, seconds: float, standing: Standing) -> None:
    found = checks(url, seconds)["commit"]
    assert found.standing is standing
    assert found.sentence == f"A durable commit takes {seconds * 1000:.0f} ms."


def test_a_journal_that_stops_readers_is_bad(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a network disk, where SQLite goes on with another journal without a word.
    monkeypatch.setattr(health, "writing_engine", reading_engine)
    store = Store(sqlite_url(file))
    with store.writing.connect() as connection:
        connection.rollback()
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA journal_mode = DELETE")
    store.close()
    found = [one for one in check_store(sqlite_url(file), clock, ticking(0)) if one.name == "journal"]
    assert [(one.standing, one.sentence) for one in found] == [
        (
            BAD,
            "The journal is `delete`, and a write-ahead log is refused: readers and writer stop each other.",
        )
    ]


@pytest.fixture(scope="module")
def careless() -> Iterator[str]:
    """A PostgreSQL that is set for speed alone."""
    off = dict.fromkeys(("fsync", "full_page_writes", "synchronous_commit"), "off")
    with Cluster(settings=off) as cluster:
        yield cluster.url


def test_a_careless_postgresql_is_bad(careless: str) -> None:
    found = checks(careless)
    assert [found[name] for name in ("fsync", "full_page_writes", "synchronous_commit")] == [
        Check(
            "fsync",
            BAD,
            "PostgreSQL runs with fsync off: what was confirmed may be lost, and the whole database with it, "
            "in a power cut.",
            "Set fsync = on in postgresql.conf, and reload.",
        ),
        Check(
            "full_page_writes",
            BAD,
            "PostgreSQL runs with full_page_writes off: a power cut in the middle of a write may damage the "
            "database.",
            "Set full_page_writes = on in postgresql.conf, and reload.",
        ),
        Check(
            "synchronous_commit",
            BAD,
            "PostgreSQL runs with synchronous_commit off: what was confirmed in the last second may be lost "
            "in a crash.",
            "Set synchronous_commit = on in postgresql.conf, and reload.",
        ),
    ]


@pytest.mark.parametrize(("hours", "way"), [(1, "ahead of"), (-1, "behind")])
def test_a_clock_that_is_off_is_bad(postgres: Cluster, hours: int, way: str) -> None:
    found = check_store(postgres.url, lambda: clock() + timedelta(hours=hours), ticking(0))
    (skewed,) = [one for one in found if one.name == "clock"]
    assert skewed.standing is BAD
    assert skewed.sentence.startswith("This clock is 3")
    assert skewed.sentence.endswith(f" seconds {way} the database's.")


def test_a_database_that_does_not_answer_is_said(postgres: Cluster) -> None:
    url = postgres.url.replace(postgres.url.rpartition(":")[2], "9/postgres")
    (found,) = check_store(url, clock, ticking(0))
    assert (found.name, found.standing) == ("database", BAD)
    assert found.sentence.startswith("The database does not answer: ")
    assert found.remedy == "Check that PostgreSQL runs, and the address and password given as database."


def test_no_password_is_told(postgres: Cluster) -> None:
    password = postgres.url.split(":")[2].partition("@")[0]
    wrong = postgres.url.replace(password, "w" * 32)
    (found,) = check_store(wrong, clock, ticking(0))
    assert "password authentication failed" in found.sentence
    assert "w" * 32 not in str(found)
