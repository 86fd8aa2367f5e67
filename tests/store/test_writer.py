"""The writer: who goes first, who fails alone, and what is true when a write returns."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select, text

from tests.store.conftest import NewDatabase
from tests.support.postgres import Cluster
from tocsin import limits
from tocsin.store import counters
from tocsin.store.database import lock_data, writing_engine
from tocsin.store.errors import AlreadyRunning, Conflict, StoreError, StoreFull
from tocsin.store.schema import counters as counters_table
from tocsin.store.store import Store
from tocsin.store.writer import Job, Lane, Writer, commit_together


def count(name: str) -> Job[int]:
    """A job that leaves a trace: how often it has run to its commit."""
    return lambda tx: counters.next_number(tx, name)


def counted(store: Store, name: str) -> int:
    """How often a `count` job of that name was committed."""
    value = store.read_now(
        lambda tx: tx.scalar(select(counters_table.c.value).where(counters_table.c.name == name))
    )
    return int(value or 0)


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    """A writer with one thread, whose order can be observed."""
    writer = Writer(store.writing)
    yield writer
    writer.stop()


@contextmanager
def busy(writer: Writer) -> Iterator[None]:
    """Keeps the writer in a job for the length of the block, so that what is submitted queues up."""
    entered, leave = threading.Event(), threading.Event()

    def job(_tx: Connection) -> None:
        entered.set()
        leave.wait(10)

    holding = writer.submit(job, Lane.ACT)
    assert entered.wait(10)
    try:
        yield
    finally:
        leave.set()
    holding.result(10)


def test_the_most_urgent_lane_goes_first(writer: Writer) -> None:
    order: list[Lane] = []

    def job(lane: Lane) -> Job[None]:
        return lambda _tx: order.append(lane)

    with busy(writer):
        lanes = [Lane.HOUSEKEEPING, Lane.INTAKE, Lane.ENGINE, Lane.ACT, Lane.INTAKE, Lane.ACT]
        waiting = [writer.submit(job(lane), lane) for lane in lanes]
    for future in waiting:
        future.result(10)
    assert order == sorted(lanes)


def test_a_commit_waits_for_none_less_urgent_than_its_first(writer: Writer) -> None:
    """A page would else wait until the storm's alerts beside it are stored too."""
    commits: list[tuple[Lane, Connection]] = []

    def job(lane: Lane) -> Job[None]:
        return lambda tx: commits.append((lane, tx))

    with busy(writer):
        lanes = [Lane.ENGINE, Lane.INTAKE, Lane.ENGINE, Lane.INTAKE]
        waiting = [writer.submit(job(lane), lane) for lane in lanes]
    for future in waiting:
        future.result(10)
    assert [lane for lane, _ in commits] == sorted(lanes)
    (_, first), (_, second), (_, third), (_, fourth) = commits
    assert first is second
    assert second is not third
    assert third is fourth


def test_an_acknowledgement_that_comes_in_the_middle_of_a_storm_goes_next(writer: Writer) -> None:
    order: list[str] = []
    acts: list[Future[None]] = []

    def storm(number: int) -> Job[None]:
        def job(_tx: Connection) -> None:
            order.append(f"intake {number}")
            if number == 0:
                acts.append(writer.submit(lambda _tx: order.append("act"), Lane.ACT))

        return job

    with busy(writer):
        waiting = [writer.submit(storm(number), Lane.INTAKE) for number in range(3)]
    for future in waiting:
        future.result(10)
    acts[0].result(10)
    assert order == ["intake 0", "act", "intake 1", "intake 2"]


def test_waiting_jobs_share_a_commit(store: Store, writer: Writer) -> None:
    commits: list[Connection] = []
    with busy(writer):
        # The holding job's own commit is not counted: it began before.
        waiting = [writer.submit(count("shared"), Lane.INTAKE) for _ in range(20)]
        event.listen(store.writing, "commit", commits.append)
    assert sorted(future.result(10) for future in waiting) == list(range(1, 21))
    # How many share one depends on the machine's speed; that they share does not.
    assert len(commits) < 20


def fails(_tx: Connection) -> None:
    raise ValueError("a bad job")


def breaks_a_rule(tx: Connection) -> None:
    tx.execute(insert(counters_table).values(name="taken", value=None))


@pytest.mark.parametrize(
    ("bad", "error"), [(fails, ValueError), (breaks_a_rule, StoreError)], ids=["raises", "breaks a rule"]
)
def test_a_bad_job_fails_alone(store: Store, writer: Writer, bad: Job[None], error: type[Exception]) -> None:
    with busy(writer):
        before, middle, after = (
            writer.submit(job, Lane.ENGINE) for job in (count("good"), bad, count("good"))
        )
    assert isinstance(middle.exception(10), error)
    assert (before.result(10), after.result(10)) == (1, 2)
    assert counted(store, "good") == 2


def test_a_bad_job_leaves_nothing_of_its_own(store: Store) -> None:
    def half(tx: Connection) -> None:
        counters.next_number(tx, "half")
        raise ValueError("in the middle")

    commit_together(store.writing, [half, count("good")])
    assert (counted(store, "half"), counted(store, "good")) == (0, 1)


def test_when_a_commit_fails_each_job_is_tried_alone(new_database: NewDatabase) -> None:
    store = Store(new_database("postgresql"))
    with store.writing.connect() as connection, connection.begin():
        unique = "CREATE TABLE names (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)"
        connection.execute(text(unique))

    def twice(tx: Connection) -> None:
        tx.execute(text("INSERT INTO names VALUES ('ana'), ('ana')"))  # found only when it commits

    before, bad, after = commit_together(store.writing, [count("good"), twice, count("good")])
    assert (before, after) == (1, 2)
    assert isinstance(bad, StoreError)
    assert counted(store, "good") == 2
    store.close()


def test_a_commit_that_the_disk_refuses_takes_nobody_with_it(new_database: NewDatabase) -> None:
    store = Store(new_database("sqlite"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # SQLite writes at the commit. Python ignores the signal that comes with the limit, so the write fails.
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
    try:
        results = commit_together(store.writing, [count("small"), fill("big"), count("small")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (results[0], results[2]) == (1, 2)
    assert isinstance(results[1], StoreError)
    assert counted(store, "small") == 2
    store.write_now(fill("big"))
    store.close()


def test_a_lost_race_is_run_again_and_sees_the_winner(store: Store) -> None:
    tries = 0

    def job(tx: Connection) -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Conflict("somebody was faster")
        return f"try {tries}"

    assert store.write_now(job) == "try 2"


def test_a_race_that_is_lost_again_and_again_is_given_up(store: Store) -> None:
    def job(_tx: Connection) -> None:
        raise Conflict("always too late")

    with pytest.raises(Conflict, match="always too late"):
        store.write_now(job)


def test_two_nodes_that_insert_the_same_row_agree(new_database: NewDatabase) -> None:
    """On PostgreSQL the loser's insert waits for the winner's commit, then runs again and finds the row."""
    url = new_database("postgresql")
    nodes = [Store(url), Store(url)]
    together = threading.Barrier(2)
    inserted: list[int] = []

    def job(tx: Connection) -> int:
        found = tx.scalar(select(counters_table.c.value).where(counters_table.c.name == "one"))
        if found is None:
            if not inserted:
                together.wait(10)
            tx.execute(insert(counters_table).values(name="one", value=7))
            inserted.append(7)
            return 7
        return int(found)

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda node: node.write_now(job), nodes)) == [7, 7]
    for node in nodes:
        node.close()


@contextmanager
def a_full_disk(store: Store) -> Iterator[None]:
    """SQLite's own limit gives a real SQLITE_FULL, as a disk without room does."""
    with store.writing.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    yield
    with store.writing.connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 1073741823"))


def fill(name: str) -> Job[None]:
    """A job that needs hundreds of kilobytes."""

    def job(tx: Connection) -> None:
        rows = [{"name": f"{name} {number} {'x' * 1000}", "value": 1} for number in range(300)]
        tx.execute(insert(counters_table), rows)

    return job


async def test_a_full_disk_is_said_and_room_helps_at_once(new_database: NewDatabase) -> None:
    store = Store(new_database("sqlite"))
    with a_full_disk(store):
        results = await asyncio.gather(*(store.write(fill(f"{n}")) for n in range(3)), return_exceptions=True)
        assert [(type(one), str(one)) for one in results] == [
            (StoreFull, "The database has no room left.")
        ] * 3
        assert counted(store, f"0 0 {'x' * 1000}") == 0
    await store.write(fill("later"))
    assert counted(store, f"later 0 {'x' * 1000}") == 1
    store.close()


async def test_what_fits_is_still_stored_when_the_disk_is_full(new_database: NewDatabase) -> None:
    store = Store(new_database("sqlite"))
    store.write_now(count("small"))
    with a_full_disk(store):
        results = await asyncio.gather(
            store.write(fill("big")), store.write(count("small")), return_exceptions=True
        )
        assert isinstance(results[0], StoreFull)
        assert results[1] == 2
    store.close()


def test_stopping_finishes_what_is_queued(store: Store) -> None:
    writer = Writer(store.writing)
    with busy(writer):
        waiting = [writer.submit(count("queued"), Lane.INTAKE) for _ in range(50)]
    writer.stop()
    assert all(future.done() for future in waiting)
    assert counted(store, "queued") == 50


def test_after_stopping_nothing_is_taken_any_more(store: Store) -> None:
    writer = Writer(store.writing)
    writer.stop()
    with pytest.raises(StoreError, match=r"^The server is stopping\.$"):
        writer.submit(count("late"), Lane.ACT)


async def test_a_caller_that_goes_away_takes_nothing_with_it(store: Store) -> None:
    """A phone that loses its connection cancels the request; its job and everybody else's still run."""
    entered, leave = threading.Event(), threading.Event()

    def hold(_tx: Connection) -> None:
        entered.set()
        leave.wait(10)

    holding = asyncio.ensure_future(store.write(hold, Lane.ACT))
    await asyncio.to_thread(entered.wait, 10)
    gone = asyncio.ensure_future(store.write(count("gone"), Lane.ACT))
    await asyncio.sleep(0)
    gone.cancel()
    leave.set()
    await holding
    assert await asyncio.wait_for(store.write(count("next")), 10) == 1
    async with asyncio.timeout(10):
        # On PostgreSQL another thread has it, which need not be the first to commit.
        while counted(store, "gone") != 1:  # noqa: ASYNC110  # that thread tells nobody
            await asyncio.sleep(0.01)
    with pytest.raises((CancelledError, asyncio.CancelledError)):
        await gone


def test_a_database_that_is_down_fails_the_write_and_not_the_writer(postgres: Cluster) -> None:
    with postgres.database() as url:
        store = Store(url)
        writer = Writer(store.writing)
        one: Job[int] = lambda tx: int(tx.execute(text("SELECT 1")).scalar_one())  # noqa: E731
        assert writer.submit(one, Lane.ACT).result(10) == 1
        postgres.stop()
        try:
            for _ in range(2):
                with pytest.raises(StoreError):
                    writer.submit(one, Lane.ACT).result(20)
            with pytest.raises(StoreError):
                store.write_now(one)
        finally:
            postgres.start()
        assert writer.submit(one, Lane.ACT).result(10) == 1
        writer.stop()
        store.close()


def test_a_database_host_that_says_nothing_does_not_hold_the_writer_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(f"postgresql://tocsin:secret@127.0.0.1:{silent.getsockname()[1]}/tocsin")
        started = time.monotonic()
        with pytest.raises(StoreError):
            store.read_now(lambda tx: tx.execute(text("SELECT 1")).scalar_one())
        assert time.monotonic() - started < 2 * limits.CONNECT_TIMEOUT_SECONDS
        store.close()


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError):
        store.read_now(count("sneaked in"))


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    lock_data(tmp_path)
    with pytest.raises(AlreadyRunning) as refused:
        lock_data(tmp_path)
    assert str(refused.value) == (
        f"Another Tocsin server is using {tmp_path}. Stop it first, or give this one its own --data."
    )


@pytest.mark.parametrize("setting", ["journal_mode = wal", "synchronous = 2"])
def test_sqlite_commits_survive_a_power_cut(new_database: NewDatabase, setting: str) -> None:
    engine = writing_engine(new_database("sqlite"))
    name, _, wanted = setting.partition(" = ")
    with engine.connect() as connection:
        assert str(connection.execute(text(f"PRAGMA {name}")).scalar_one()) == wanted
    engine.dispose()


def test_an_error_that_nobody_foresaw_reaches_its_caller_and_the_writer_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(store.writing)
    with monkeypatch.context() as broken:
        broken.setattr("tocsin.store.writer.commit_together", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            writer.submit(lambda _tx: 1, Lane.ENGINE).result(timeout=10)
    assert writer.submit(lambda _tx: 2, Lane.ENGINE).result(timeout=10) == 2
    writer.stop()
