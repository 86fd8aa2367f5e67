"""Signals in. Waiting requests share one durable commit; only then does any hear that it is safe."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin import limits
from tocsin.core.model import AlertAction, Signal
from tocsin.store import alerts
from tocsin.store.alerts import NOTHING, Received, Watched
from tocsin.store.errors import StoreFull
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane


class Busy(Exception):
    """More waits than this server can take; come back in a second."""


@dataclass(slots=True)
class _Request:
    received: Sequence[Received]
    done: asyncio.Future[None]


Watching = Callable[[Transaction, datetime], Watched]


def _nothing(_tx: Transaction, _now: datetime) -> Watched:
    return NOTHING


class Intake:
    """The door for signals. Use from one event loop."""

    def __init__(self, store: Store, stored: Callable[[], None], watched: Watching = _nothing) -> None:
        """`stored` is called after each commit, to wake triage. `watched`: what the plan wants watched."""
        self._store = store
        self._stored = stored
        self._watched = watched
        self._waiting: deque[_Request] = deque()
        self._waiting_signals = 0
        self._flushing: asyncio.Task[None] | None = None

    async def accept(self, received: Sequence[Received]) -> None:
        """Return when the signals are on disk.

        Raises Busy when too many wait, StoreFull when the disk is full, StoreError when they could not be
        stored; nothing of this request is kept then.
        """
        if self._waiting_signals + len(received) > limits.INTAKE_WAITING_SIGNALS:
            raise Busy
        request = _Request(received, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._waiting_signals += len(received)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await request.done

    async def _flush(self) -> None:
        while self._waiting:
            batch = self._take()
            try:
                await self._store.write(_recording(batch, self._watched), Lane.INTAKE)
            except StoreFull as full:
                _fail(batch, full)
            except Exception:
                # Whichever request it was, the door stays open for the others.
                await self._one_by_one(batch)
            else:
                self._finish(batch)
        self._flushing = None

    def _take(self) -> list[_Request]:
        batch, signals = [], 0
        while self._waiting and signals < limits.INTAKE_COMMIT_SIGNALS:
            request = self._waiting.popleft()
            signals += len(request.received)
            batch.append(request)
        self._waiting_signals -= signals
        return batch

    async def _one_by_one(self, batch: list[_Request]) -> None:
        """A commit failed with others in it: each request alone, so that a bad one fails alone."""
        for request in batch:
            try:
                await self._store.write(_recording([request], self._watched), Lane.INTAKE)
            except Exception as failed:
                _fail([request], failed)
            else:
                self._finish([request])

    def _finish(self, batch: list[_Request]) -> None:
        for request in batch:
            if not request.done.done():
                request.done.set_result(None)
        self._stored()


def _recording(batch: list[_Request], watched: Watching) -> Callable[[Transaction], None]:
    def record(tx: Transaction) -> None:
        received = [one for request in batch for one in request.received]
        if received:
            watch = watched(tx, received[0].at)
            for some in rounds(received, watch):
                alerts.record(tx, some, watch)

    return record


def _fail(batch: list[_Request], why: Exception) -> None:
    for request in batch:
        if not request.done.done():
            request.done.set_exception(why)


def rounds(received: Iterable[Received], watch: Watched = NOTHING) -> list[list[Received]]:
    """Fold signals in order of arrival: each round holds an alert at most once, and rounds keep the order.

    Equal neighbours of the same alert become one with a count; of two severities the worse stands.
    """
    folded: list[list[Received]] = []
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for one in received:
        key = (one.integration, one.signal.dedup_key)
        place = last.get(key)
        if place is None:
            number = 0
        else:
            number, index = place
            earlier = folded[number][index]
            if _alike(earlier.signal, one.signal, watch):
                folded[number][index] = _merged(earlier, one)
                continue
            number += 1
        if number == len(folded):
            folded.append([])
        last[key] = (number, len(folded[number]))
        folded[number].append(one)
    return folded


def _alike(earlier: Signal, later: Signal, watch: Watched) -> bool:
    """Whether the two say the same to a plan, but for the severity, of which the worse stands."""
    if earlier.action is not later.action:
        return False
    return alerts.words_of(earlier, watch) == alerts.words_of(later, watch)


def _merged(earlier: Received, later: Received) -> Received:
    if earlier.signal.action is not AlertAction.TRIGGER:
        return earlier
    worse = min(earlier.signal, later.signal, key=lambda signal: signal.severity.rank)
    return replace(later, signal=worse, count=earlier.count + later.count)
