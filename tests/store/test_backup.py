"""A backup is one moment of a database in use. It comes back whole, on either kind, or not at all."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from tests.store.conftest import KINDS, NewDatabase
from tests.support.world import PEOPLE, PLAN, FakeChannel
from tocsin.core.incident import Incident, events, fold_all
from tocsin.core.model import AlertAction, Notify, PersonId, Signal, SubjectId
from tocsin.engine.context import Context
from tocsin.engine.engine import Engine
from tocsin.engine.intake import Intake, rounds
from tocsin.plan.people import read_people
from tocsin.plan.read import version_of
from tocsin.store import alerts, archive, directory, ledger, outbox, plans, sending, subjects
from tocsin.store.alerts import Received
from tocsin.store.archive import Header, Manifest
from tocsin.store.backup import backup, restore, verify
from tocsin.store.codec import load
from tocsin.store.database import lock_data, sqlite_path
from tocsin.store.errors import AlreadyRunning, BackupError
from tocsin.store.schema import metadata
from tocsin.store.schema import outbox as outbox_table
from tocsin.store.schema import subjects as subjects_table
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WRITERS = 50


def trigger(integration: str, key: str) -> Received:
    return Received(integration, Signal(AlertAction.TRIGGER, key, f"{key} is down ☃"), NOW)


def record(store: Store, *keys: str) -> None:
    """Store alerts."""
    received = [trigger("prometheus", key) for key in keys]
    (all_new,) = rounds(received)
    store.write_now(partial(alerts.record, received=all_new))


class Load:
    """A server in a thread of its own, with WRITERS senders of alerts and the engine at work."""

    def __init__(self, url: str) -> None:
        self.store = Store(url)
        files = {"plan.yaml": PLAN}
        self.store.write_now(lambda tx: plans.keep(tx, version_of(files), files, NOW))
        self.store.write_now(lambda tx: directory.replace_people(tx, read_people(PEOPLE)))
        self.writes = 0
        self.failed: list[BaseException] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Load:
        self._thread.start()
        while counts(self.store)["subjects"] < WRITERS // 2:
            self.wait_for(WRITERS)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.store.close()

    def wait_for(self, more: int) -> None:
        """Returns after that many more writes."""
        wanted = self.writes + more
        while self.writes < wanted and self._thread.is_alive():
            threading.Event().wait(0.01)

    async def _run(self) -> None:
        clock = partial(datetime.now, UTC)
        channels = {name: FakeChannel(name, [], clock) for name in ("email", "webhook")}
        link = "https://tocsin.example.com/a".format
        context = Context("node-1", frozenset(channels), link, link)
        engine = Engine(self.store, context, channels, clock, lambda _applied: None)
        intake = Intake(self.store, lambda: None)
        await asyncio.gather(self._turn(engine), *(self._send(intake, number) for number in range(WRITERS)))

    async def _turn(self, engine: Engine) -> None:
        while not self._stop.is_set():
            await engine.triage_once()
            await engine.wake_once()
            await engine.send_once()
            await engine.sent()

    async def _send(self, intake: Intake, number: int) -> None:
        source = f"source-{number}"
        for turn in itertools.count():
            if self._stop.is_set():
                return
            received = trigger(source, f"{source} {turn // 3}")
            if turn % 3 == 2:
                resolve = Signal(AlertAction.RESOLVE, received.signal.dedup_key)
                received = Received(source, resolve, NOW)
            try:
                await intake.accept([received])
            except Exception as error:
                self.failed.append(error)
            self.writes += 1


def expect_consistent(store: Store) -> int:
    """Every snapshot is what its events fold to, and every ring has its row; returns how many subjects."""

    def check(tx: Connection) -> int:
        rung: set[str] = set()
        stored = tx.execute(select(subjects_table)).all()
        for row in stored:
            history = subjects.history_of(tx, row.id)
            assert (fold_all(history), len(history)) == (load(row.state, Incident), row.version)
            rung |= {one.event.key for one in history if isinstance(one.event, events.RingSent)}
        assert rung == set(tx.scalars(select(outbox_table.c.key)))
        return len(stored)

    return store.read_now(check)


def counts(store: Store) -> dict[str, int]:
    """Rows by table, as a manifest tells of them."""
    return store.read_now(
        lambda tx: {
            name: tx.scalar(select(func.count()).select_from(one)) or 0
            for name, one in metadata.tables.items()
            if name != "leases"
        }
    )


def held(manifest: Manifest) -> dict[str, int]:
    return {name: rows.count for name, rows in manifest.tables.items()}


@pytest.mark.parametrize("source", KINDS)
def test_a_backup_under_load_fails_no_write_and_is_one_consistent_moment(
    new_database: NewDatabase, tmp_path: Path, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    file, url = tmp_path / "all.tocsin", new_database(source)
    with caplog.at_level(logging.ERROR), Load(url) as running:
        # Much is written between any two tables that the backup reads.
        manifest = backup(url, file, NOW, lambda _table, _rows: running.wait_for(WRITERS))
        at_end = counts(running.store)
    assert (running.failed, caplog.records) == ([], [])
    assert 0 < manifest.tables["alerts"].count < at_end["alerts"]

    for target in KINDS:
        restored = new_database(f"empty_{target}")
        assert restore(file, restored) == manifest
        store = Store(restored)
        assert counts(store) == held(manifest)
        assert expect_consistent(store) == manifest.tables["subjects"].count >= WRITERS // 2
        record(store, "the next alert finds a number of its own")
        store.close()


@pytest.fixture
def small(new_database: NewDatabase) -> Iterator[tuple[str, Store]]:
    """A small database and its address."""
    url = new_database("sqlite")
    store = Store(url)
    record(store, *(f"key {number}" for number in range(30)))
    yield url, store
    store.close()


@pytest.fixture
def file(small: tuple[str, Store], tmp_path: Path) -> Path:
    """A backup of it."""
    file = tmp_path / "all.tocsin"
    backup(small[0], file, NOW)
    return file


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_what_was_being_sent_waits_again_as_a_possible_repeat(
    new_database: NewDatabase, tmp_path: Path, source: str, target: str
) -> None:
    url, restored, file = new_database(source), new_database(f"empty_{target}"), tmp_path / "all.tocsin"
    before = Store(url)
    effects = [
        Notify(f"INC-1/{page}/0", page, 0, PersonId(person), "email", urgent=True)
        for page, person in ((1, "ana"), (2, "ben"))
    ]
    before.write_now(lambda tx: outbox.put(tx, SubjectId("INC-1"), effects, 0, NOW))
    lease = partial(
        sending.lease, node="node-1", room={"email": 9}, bundle_max=9, lasts=timedelta(seconds=15)
    )
    before.write_now(partial(lease, now=NOW))
    before.write_now(partial(outbox.withdraw, incident=SubjectId("INC-1"), pages=[2]))
    backup(url, file, NOW)
    before.close()

    restore(file, restored)
    after = Store(restored)
    (leased,) = after.write_now(partial(lease, now=NOW + timedelta(days=1)))
    (ring,) = leased.rings
    assert (ring.key, ring.attempts, ring.unknown) == ("INC-1/1/0", 2, True)
    attempts = after.read_now(partial(ledger.of_incident, incident="INC-1"))
    assert [(row.key, row.outcome) for row in attempts] == [
        ("INC-1/1/0", "unknown"),
        ("INC-1/2/0", "unknown"),
        ("INC-1/1/0", "sending"),
    ]
    after.close()


def test_every_stored_value_comes_back_as_it_was(
    new_database: NewDatabase, tmp_path: Path, small: tuple[str, Store]
) -> None:
    """There and back over the other kind of database: the second backup has the hashes of the first."""
    there, back = new_database("empty_postgresql"), new_database("empty_sqlite")
    first = backup(small[0], tmp_path / "first", NOW)
    restore(tmp_path / "first", there)
    backup(there, tmp_path / "second", NOW)
    restore(tmp_path / "second", back)
    third = backup(back, tmp_path / "third", NOW)
    assert third.tables == first.tables
    assert (tmp_path / "third").read_bytes() == (tmp_path / "first").read_bytes()


def test_only_its_owner_can_read_a_backup(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_progress_counts_the_rows(
    small: tuple[str, Store], tmp_path: Path, new_database: NewDatabase
) -> None:
    saved: list[tuple[str, int]] = []
    loaded: list[tuple[str, int]] = []
    backup(small[0], tmp_path / "all", NOW, lambda name, rows: saved.append((name, rows)))
    restore(tmp_path / "all", new_database("empty_sqlite"), lambda name, rows: loaded.append((name, rows)))
    assert saved == loaded == [("alerts", 30)]


def damaged(file: Path, change: Callable[[bytearray], None]) -> Path:
    """A copy of the file with a change."""
    content = bytearray(file.read_bytes())
    change(content)
    copy = file.with_name("damaged.tocsin")
    copy.write_bytes(content)
    return copy


def test_no_flipped_bit_passes_unnoticed(file: Path) -> None:
    whole, content, size = verify(file), gzip.decompress(file.read_bytes()), file.stat().st_size
    unnoticed = []
    for place in range(0, size, 3):

        def flip(content: bytearray, place: int = place) -> None:
            content[place] ^= 1 << place % 8

        try:
            copy = damaged(file, flip)
            assert verify(copy) == whole
        except BackupError:
            continue
        # The time, flags and system in gzip's own header say nothing about what is in the file, and there may
        # be two ways to write the same: a repetition of either of two equal places.
        if gzip.decompress(copy.read_bytes()) != content:
            unnoticed.append(place)
    assert unnoticed == []


def test_no_half_file_passes_unnoticed(file: Path) -> None:
    size = file.stat().st_size
    for length in (0, 9, size // 3, size // 2, size - 9, size - 1):
        half = file.with_name("damaged.tocsin")
        half.write_bytes(file.read_bytes()[:length])
        with pytest.raises(
            BackupError, match=r" is damaged: it ends too early\. Remedy: use another backup\.$"
        ):
            verify(half)


def rewritten(file: Path, change: Callable[[list[bytes]], None]) -> Path:
    """A copy of the file whose lines were changed by somebody who can compress."""
    with archive.opened(file) as reading:
        reading._stream.rewind()
        lines = reading._stream.readlines()
    change(lines)
    copy = file.with_name("damaged.tocsin")
    with copy.open("wb") as raw, archive.compressed(raw) as stream:
        stream.writelines(lines)
    return copy


LINES: list[tuple[str, Callable[[list[bytes]], None], str]] = [
    (
        "a row is gone",
        lambda lines: lines.__delitem__(2),
        "the rows of alerts are not those that were written",
    ),
    ("rows change places", lambda lines: lines.insert(2, lines.pop(3)), "the rows of alerts are not those"),
    ("a table is gone", lambda lines: lines.__delitem__(slice(1, 33)), "its tables are not those"),
    ("the end is gone", lambda lines: lines.__delitem__(-1), "it ends too early"),
    ("it goes on", lambda lines: lines.append(lines[1]), "it goes on after its end"),
    ("a table comes twice", lambda lines: lines.insert(-1, lines[1]), "alerts comes twice"),
    (
        "a row is no list of values",
        lambda lines: lines.__setitem__(2, b"[{}]\n"),
        "a line of it makes no sense",
    ),
    ("a line is not text", lambda lines: lines.__setitem__(2, b'["\xff"]\n'), "a line of it makes no sense"),
    ("rows without a table", lambda lines: lines.__delitem__(1), "a line of it makes no sense"),
    ("something else", lambda lines: lines.insert(0, lines[1]), "it does not begin as a Tocsin backup does"),
]


@pytest.mark.parametrize(("change", "problem"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_a_rewritten_backup_is_found_out(
    file: Path, change: Callable[[list[bytes]], None], problem: str
) -> None:
    with pytest.raises(BackupError) as refused:
        verify(rewritten(file, change))
    assert str(refused.value).startswith(f"{file.with_name('damaged.tocsin')} is damaged: {problem}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_backup_leaves_nothing_behind(new_database: NewDatabase, file: Path, kind: str) -> None:
    url = new_database(f"empty_{kind}")
    broken = rewritten(
        file, lambda lines: lines.insert(-2, lines.pop(-2).replace(b'"count":0', b'"count":1'))
    )
    with pytest.raises(BackupError, match="is damaged"):
        restore(broken, url)
    restore(file, url)


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_with_data_is_refused(new_database: NewDatabase, file: Path, kind: str) -> None:
    url = new_database(kind)
    store = Store(url)
    record(store, "a life of its own")
    with pytest.raises(BackupError) as refused:
        restore(file, url)
    assert str(refused.value) == (
        "The database already holds data (alerts), and a backup replaces nothing. "
        "Remedy: name a new folder with --data, or a new database with --database."
    )
    assert counts(store)["alerts"] == 1
    store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_with_our_schema_and_no_data_will_do(
    new_database: NewDatabase, file: Path, kind: str
) -> None:
    url = new_database(kind)
    restore(file, url)
    store = Store(url)
    assert counts(store)["alerts"] == 30
    store.close()


def test_a_database_with_other_tables_is_refused(new_database: NewDatabase, file: Path) -> None:
    url = new_database("sqlite")
    store = Store(url)
    store.write_now(lambda tx: tx.execute(text("CREATE TABLE recipes (id INTEGER)")).close())
    with pytest.raises(BackupError) as refused:
        restore(file, url)
    assert str(refused.value) == (
        "The database holds tables that are not Tocsin's (recipes). "
        "Remedy: restore into a database of its own."
    )
    store.close()


def test_data_that_a_server_is_using_is_refused(new_database: NewDatabase, file: Path) -> None:
    url = new_database("empty_sqlite")
    path = sqlite_path(url)
    assert path is not None
    handle = lock_data(path.parent)
    with pytest.raises(AlreadyRunning):
        restore(file, url)
    os.close(handle)


def test_a_backup_of_a_newer_schema_is_refused(new_database: NewDatabase, tmp_path: Path) -> None:
    file = tmp_path / "newer.tocsin"
    with file.open("wb") as raw, archive.compressed(raw) as stream:
        archive.Writing(stream, Header(archive.FORMAT, "9999", NOW, "sqlite")).finish()
    with pytest.raises(BackupError) as refused:
        restore(file, new_database("empty_sqlite"))
    assert str(refused.value) == (
        f"{file} has schema 9999, which this Tocsin does not know. "
        "Remedy: restore it with the version that made it."
    )


def test_a_backup_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "newer.tocsin"
    with file.open("wb") as raw, archive.compressed(raw) as stream:
        archive.Writing(stream, Header(archive.FORMAT + 1, "0001", NOW, "sqlite")).finish()
    with pytest.raises(BackupError) as refused:
        verify(file)
    assert str(refused.value) == f"{file} was made by a newer Tocsin. Remedy: read it with that version."


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BackupError) as refused:
        verify(tmp_path / "nowhere")
    assert str(refused.value) == f"{tmp_path}/nowhere cannot be read: No such file or directory."


def test_a_database_that_is_not_there_is_said_and_not_made(file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(BackupError) as refused:
        backup(f"sqlite+pysqlite:///{tmp_path}/nowhere.db", file, NOW)
    assert str(refused.value) == (
        f"There is no database at {tmp_path}/nowhere.db. Remedy: name the data folder with --data."
    )
    assert not (tmp_path / "nowhere.db").exists()
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["all.tocsin"]


def test_a_folder_that_is_not_there_is_said(small: tuple[str, Store], tmp_path: Path) -> None:
    with pytest.raises(BackupError) as refused:
        backup(small[0], tmp_path / "nowhere" / "all.tocsin", NOW)
    assert str(refused.value) == (
        f"{tmp_path}/nowhere/all.tocsin cannot be written: No such file or directory."
    )


def test_a_database_that_nobody_has_used_is_said(new_database: NewDatabase, tmp_path: Path) -> None:
    with pytest.raises(BackupError) as refused:
        backup(new_database("empty_postgresql"), tmp_path / "all.tocsin", NOW)
    assert str(refused.value) == (
        "This database is not Tocsin's, or no server has ever used it. There is nothing to save."
    )
