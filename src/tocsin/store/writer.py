"""The writer: small jobs, most urgent lane first, many jobs to one durable commit.

A job is a plain function of an open transaction. Jobs of one commit run one after another, each in its own
savepoint, so that a bad one fails alone; their callers hear of success only after the commit.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from tocsin.store.database import is_full, lost_race, past_sqlalchemy
from tocsin.store.errors import Conflict, StoreError, StoreFull

T = TypeVar("T")
Job = Callable[[Connection], T]

COMMIT_SECONDS = 0.01
"""A commit draws no more jobs after this long, so that none waits long to hear that it is safe."""

RACE_TRIES = 20
"""Each lost race is one that another command won: more than people ask of one incident at once."""


class Lane(IntEnum):
    """Who goes first. Neither a person's acknowledgement nor a page waits behind a storm of alerts."""

    ACT = 0
    ENGINE = 1
    INTAKE = 2
    HOUSEKEEPING = 3


@dataclass(slots=True)
class _Waiting(Generic[T]):
    job: Job[T]
    lane: Lane
    future: Future[T] = field(default_factory=Future)


def nothing(_moment: str) -> None:
    """The default for `at`: where the simulator crashes, a server does nothing."""


def commit_together(
    engine: Engine, jobs: Iterable[Job[Any]], at: Callable[[str], None] = nothing
) -> list[Any]:
    """Run the jobs in one transaction and commit; each result is a value, or the exception of that job.

    `jobs` is drawn from lazily, so that a caller can go by what has arrived meanwhile. When the transaction
    as a whole fails, no more are drawn and each drawn so far is tried alone: there is one result for each job
    that was drawn, and at least the first one is. `at` is told when the process is about to commit and when
    it has (the simulator crashes there).
    """
    drawn: list[Job[Any]] = []
    results: list[Any] = []
    try:
        with engine.connect() as connection, connection.begin() as transaction:
            for job in jobs:
                drawn.append(job)
                results.append(_in_savepoint(connection, job))
            at("before commit")
            transaction.commit()
        at("after commit")
    except DBAPIError:
        # Without a connection not even the first was drawn; it is the one to hear what is wrong.
        return [_alone(engine, job, at) for job in drawn or islice(jobs, 1)]
    return [
        _alone(engine, job, at) if isinstance(result, Conflict) else result
        for job, result in zip(drawn, results, strict=True)
    ]


def _in_savepoint(connection: Connection, job: Job[Any]) -> Any:
    _savepoint(connection, "SAVEPOINT job")
    try:
        result = job(connection)
    except DBAPIError:
        raise
    except Exception as failed:
        _savepoint(connection, "ROLLBACK TO SAVEPOINT job")
        result = failed
    _savepoint(connection, "RELEASE SAVEPOINT job")
    return result


def _savepoint(connection: Connection, words: str) -> None:
    # SQLAlchemy compiles its own savepoints anew each time: 58 microseconds a job against 3.
    with past_sqlalchemy(connection, words) as cursor:
        cursor.execute(words)


def _alone(engine: Engine, job: Job[T], at: Callable[[str], None]) -> T | Exception:
    """One job in its own transaction; a lost race is run again, for by then the winner is visible."""
    for tries_left in reversed(range(RACE_TRIES)):
        try:
            with engine.connect() as connection, connection.begin() as transaction:
                result = job(connection)
                at("before commit")
                transaction.commit()
            at("after commit")
        except DBAPIError as error:
            if tries_left and lost_race(error):
                continue
            return translated(error)
        except Conflict as conflict:
            if not tries_left:
                return conflict
        except Exception as failed:
            return failed
        else:
            return result
    raise AssertionError("the last try returns")


def translated(error: DBAPIError) -> StoreError:
    """What the rooms above hear of a database error."""
    if is_full(error):
        return StoreFull("The database has no room left.")
    return StoreError(str(error.orig).strip())


class Writer:
    """Threads that run jobs from the lanes. SQLite gets one thread, PostgreSQL may have several."""

    def __init__(self, engine: Engine, threads: int = 1) -> None:
        self._engine = engine
        self._lanes: tuple[deque[_Waiting[Any]], ...] = tuple(deque() for _ in Lane)
        self._wanted = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"writer-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job[T], lane: Lane) -> Future[T]:
        """Queue a job. The future is done after its commit, or holds what went wrong.

        It cannot be cancelled: a caller that goes away meanwhile does not undo what it asked for. Raises
        StoreError when the writer is stopping.
        """
        waiting = _Waiting(job, lane)
        waiting.future.set_running_or_notify_cancel()
        with self._wanted:
            if self._stopping:
                raise StoreError("The server is stopping.")
            self._lanes[lane].append(waiting)
            self._wanted.notify()
        return waiting.future

    def stop(self) -> None:
        """Finish everything queued, then end."""
        with self._wanted:
            self._stopping = True
            self._wanted.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while first := self._next(block=True):
            batch = [first]
            try:
                results = commit_together(self._engine, self._drawing(batch))
            except Exception as bug:
                # No caller may wait for ever because this thread met something that nobody foresaw.
                results = [bug] * len(batch)
            for one, result in zip(batch, results, strict=True):
                if isinstance(result, Exception):
                    one.future.set_exception(result)
                else:
                    one.future.set_result(result)

    def _drawing(self, batch: list[_Waiting[Any]]) -> Iterator[Job[Any]]:
        """The first job, then the most urgent that waits, until none does or the commit is long enough.

        None that is less urgent than the first: a page's commit does not wait for a storm's.
        """
        yield batch[0].job
        ends = time.monotonic() + COMMIT_SECONDS
        while time.monotonic() < ends and (waiting := self._next(batch[0].lane, block=False)):
            batch.append(waiting)
            yield waiting.job

    def _next(self, last: Lane = Lane.HOUSEKEEPING, *, block: bool) -> _Waiting[Any] | None:
        """The most urgent job that waits, in a lane up to `last`."""
        with self._wanted:
            while block and not any(self._lanes) and not self._stopping:
                self._wanted.wait()
            return next((lane.popleft() for lane in self._lanes[: last + 1] if lane), None)
