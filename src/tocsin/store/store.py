"""The store as everybody else holds it: write jobs, read jobs, one database behind both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tocsin.store.database import READERS, is_sqlite, reading_engine, writing_engine
from tocsin.store.errors import StoreError
from tocsin.store.writer import Job, Lane, Writer, commit_together, nothing, translated

T = TypeVar("T")


class Store:
    """One database. Writes are durable when they return; reads see only what is committed.

    The threads start with the first asynchronous write or read, so that a command line tool or the
    simulator, which call `write_now` and `read_now`, stays on its own thread.
    """

    def __init__(self, url: str, at: Callable[[str], None] = nothing) -> None:
        self.url = url
        self.sqlite = is_sqlite(url)
        self.writing = writing_engine(url)
        self.reading = reading_engine(url)
        self.trouble: StoreError | None = None
        """Why a write was not stored, until whoever watches takes this away."""
        self._at = at
        self._writer: Writer | None = None
        self._readers: ThreadPoolExecutor | None = None

    async def write(self, job: Job[T], lane: Lane = Lane.ENGINE) -> T:
        """Run a job on the writer and return its result after the commit.

        Raises what the job raised, StoreFull when there is no room, StoreError when the commit failed.
        """
        if self._writer is None:
            self._writer = Writer(self.writing, threads=1 if self.sqlite else 2)
        try:
            return await asyncio.wrap_future(self._writer.submit(job, lane))
        except StoreError as trouble:
            self.trouble = trouble
            raise

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a read-only connection, off the event loop."""
        if self._readers is None:
            self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, query)

    def write_now(self, job: Job[T]) -> T:
        """Run one job in its own commit on this thread; the same code as the writer's."""
        (result,) = commit_together(self.writing, [job], self._at)
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]  # results of mixed jobs are Any; this is the only one

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Run a query on this thread; raises StoreError when the database cannot answer."""
        try:
            with self.reading.connect() as connection:
                return query(connection)
        except DBAPIError as error:
            raise translated(error) from error

    def close(self) -> None:
        """Finish what is queued and close every connection."""
        if self._writer is not None:
            self._writer.stop()
        if self._readers is not None:
            self._readers.shutdown()
        self.reading.dispose()
        self.writing.dispose()
