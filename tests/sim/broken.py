"""Engines that are broken on purpose. A simulator that passes one of them proves nothing.

Each takes one guarantee away from the production code, as a careless change would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from sqlalchemy import Connection, Engine, event, select, update

from tocsin.core.incident import Incident, paging
from tocsin.store import codec, outbox, subjects
from tocsin.store import store as stores
from tocsin.store.database import writing_engine
from tocsin.store.schema import outbox as rows


@contextmanager
def fence_off() -> Iterator[None]:
    """An answer that comes after its lease was lost counts as if it were the holder's."""
    settle = outbox.settle

    def broken(tx: Connection, ring: outbox.Ring, *answer: Any, **when: Any) -> bool:
        now = tx.execute(select(rows.c.fence).where(rows.c.id == ring.id)).scalar_one()
        return settle(tx, replace(ring, fence=now), *answer, **when)

    with mock.patch.object(outbox, "settle", broken):
        yield


@contextmanager
def lease_off() -> Iterator[None]:
    """What one sender has in hand is given to the next who asks."""
    lease = outbox.lease

    def broken(tx: Connection, *given: Any, **bounds: Any) -> Any:
        tx.execute(update(rows).where(rows.c.state == outbox.LEASED).values(state=outbox.WAITING))
        return lease(tx, *given, **bounds)

    with mock.patch.object(outbox, "lease", broken):
        yield


@contextmanager
def snapshot_wrong() -> Iterator[None]:
    """The stored state is not what the events say: an alert more is open."""

    def broken(value: object) -> str:
        if isinstance(value, Incident):
            value = replace(value, alerts_open=value.alerts_open + 1)
        return codec.dump(value)

    with mock.patch.object(subjects, "dump", broken):
        yield


@contextmanager
def fsync_off() -> Iterator[None]:
    """A commit returns before it is on disk."""

    def broken(url: str) -> Engine:
        engine = writing_engine(url)

        @event.listens_for(engine, "connect")
        def hurry(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous = OFF")

        return engine

    with mock.patch.object(stores, "writing_engine", broken):
        yield


@contextmanager
def withdrawal_forgotten() -> Iterator[None]:
    """Pages that have become moot go out all the same."""
    with mock.patch.object(outbox, "withdraw", return_value=None):
        yield


@contextmanager
def step_skipped() -> Iterator[None]:
    """The ladder leaves out every second rung."""
    real = paging._next_step

    def broken(draft: Any) -> int | None:
        index = real(draft)
        return index if index is None or index % 2 == 0 else index + 1 if index + 1 < _rungs(draft) else None

    with mock.patch.object(paging, "_next_step", broken):
        yield


def _rungs(draft: Any) -> int:
    return len(draft.level.ladder)


@contextmanager
def message_dropped() -> Iterator[None]:
    """A ring is decided, and does not come to the outbox."""
    real, asked = outbox.put, [0]

    def broken(tx: Connection, incident: Any, effects: Sequence[Any], *rest: Any) -> None:
        asked[0] += 1
        real(tx, incident, effects[1:] if asked[0] % 3 == 0 else effects, *rest)

    with mock.patch.object(outbox, "put", broken):
        yield


@contextmanager
def clock_forgotten() -> Iterator[None]:
    """Nobody notes when an incident must be looked at again."""
    with mock.patch("tocsin.engine.apply.next_due", return_value=None):
        yield


FORGETTING = (
    "nothing_committed_is_lost",
    "every_signal_is_counted_once",
    "what_was_settled_is_not_sent_again",
    "a_repeat_is_marked",
)
"""A disk that forgets shows as any of these, by what it forgot."""

Break = Callable[[], AbstractContextManager[None]]
BROKEN: dict[str, tuple[Break, str, tuple[str, ...]]] = {
    "fence off": (fence_off, "powerloss", ("a_stale_answer_changes_nothing",)),
    "lease off": (lease_off, "sqlite", ("a_lease_belongs_to_one",)),
    "snapshot wrong": (snapshot_wrong, "sqlite", ("the_snapshot_is_the_fold",)),
    "fsync off": (fsync_off, "powerloss", FORGETTING),
    "withdrawal forgotten": (withdrawal_forgotten, "sqlite", ("nothing_leaves_for_a_page_that_is_over",)),
    "step skipped": (step_skipped, "sqlite", ("steps_are_taken_in_order",)),
    "message dropped": (message_dropped, "sqlite", ("every_ring_is_in_the_outbox",)),
    "clock forgotten": (clock_forgotten, "sqlite", ("the_due_time_is_the_next_deadline",)),
}
"""By name: how it is broken, the database on which that shows, and the rules that may catch it."""
