"""What a node finds out about itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.app import health
from tocsin.app.audits import UNSEEN, Audits
from tocsin.app.clock import clock
from tocsin.app.health import Health
from tocsin.core.model import AlertAction, Signal
from tocsin.engine.context import Context
from tocsin.settings import read_settings
from tocsin.store import alerts
from tocsin.store.alerts import Received
from tocsin.store.database import sqlite_url
from tocsin.store.errors import StoreError
from tocsin.store.migrate import migrate
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class FarStore(Store):
    """A database on another machine, whose clock says NOW when it is asked."""

    async def read(self, query: Callable[..., object]) -> float:  # type: ignore[override]  # this one query only
        return NOW.timestamp()


def no_link(*_: object) -> str:
    raise AssertionError("nobody is paged here")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Health]:
    """A node with its database elsewhere."""
    store = FarStore(sqlite_url(tmp_path / "tocsin.db"))
    context = Context("node-1", frozenset(), no_link, no_link)
    yield Health(store, context, read_settings({}, {}))
    store.close()


async def measured(node: Health, monkeypatch: pytest.MonkeyPatch, asked: float, answered: float) -> bool:
    """Whether the node finds its clock wrong, which told these seconds past NOW before and after."""
    # The first look is for jumps.
    told = [NOW + timedelta(seconds=seconds) for seconds in (asked, asked, answered)]
    monkeypatch.setattr(health, "clock", lambda: told.pop(0) if len(told) > 1 else told[0])
    await node.measure()
    return node.skewed


@pytest.mark.parametrize(("seconds", "wrong"), [(1.9, False), (2.1, True), (-2.1, True)])
async def test_a_clock_that_is_off_by_more_than_two_seconds_is_wrong(
    node: Health, monkeypatch: pytest.MonkeyPatch, seconds: float, wrong: bool
) -> None:
    assert await measured(node, monkeypatch, seconds, seconds) is wrong


async def test_a_slow_answer_says_nothing_of_the_clock(node: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not await measured(node, monkeypatch, -18, 0)
    assert await measured(node, monkeypatch, -18, -18)
    assert await measured(node, monkeypatch, -18, 0), "nor does it mend one"


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[tuple[Store, Health, Audits]]:
    """A node at work on a database, and its auditor. Its engine stands still."""
    store = Store(sqlite_url(tmp_path / "tocsin.db"))
    migrate(store.writing)
    context = Context("node-1", frozenset(), no_link, no_link)
    found = Health(store, context, read_settings({}, {}))
    yield store, found, Audits(store, context, found)
    store.close()


async def test_a_database_that_hangs_is_said_in_time(
    audited: tuple[Store, Health, Audits], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, node, _ = audited

    async def never(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(health, "UNREACHABLE_SECONDS", 0.01)
    monkeypatch.setattr(store, "read", never)
    assert await node.troubles() == {"store": health.UNREACHABLE}
    await node.measure()
    assert [one.getMessage() for one in caplog.records if one.levelname == "CRITICAL"] == [
        "The database is silent, so nobody is paged: It did not answer within 0.01 seconds."
    ]
    monkeypatch.undo()
    await node.measure()
    assert await node.troubles() == {}


async def test_alerts_that_nobody_looks_at_are_said(
    audited: tuple[Store, Health, Audits], caplog: pytest.LogCaptureFixture
) -> None:
    """Their senders have heard that they are stored, and would not send them again."""
    store, node, audits = audited
    for seconds, key in ((70, "old"), (50, "young")):
        signal = Signal(AlertAction.TRIGGER, key, summary="checkout is down")
        received = Received("prometheus", signal, clock() - timedelta(seconds=seconds))
        store.write_now(lambda tx, one=received: alerts.record(tx, [one]))  # type: ignore[misc]  # bound now
    await audits.make_round()
    assert [one.getMessage() for one in caplog.records if one.levelname == "CRITICAL"] == [UNSEEN % 1]
    assert await node.troubles() == {
        "engine": "1 alerts have waited for more than a minute, and nobody is paged for them yet."
    }
    store.write_now(lambda tx: alerts.mark(tx, [(1, "open", None, "for the test")]))
    assert await node.troubles() == {}


async def test_a_round_of_the_auditor_that_fails_is_said(audited: tuple[Store, Health, Audits]) -> None:
    store, node, audits = audited
    store.write_now(lambda tx: tx.exec_driver_sql("ALTER TABLE alerts RENAME COLUMN dirty TO clean"))
    with pytest.raises(StoreError):
        await audits.make_round()
    store.write_now(lambda tx: tx.exec_driver_sql("ALTER TABLE alerts RENAME COLUMN clean TO dirty"))
    assert await node.troubles() == {
        "auditor": "The last round failed, so nobody looks after the engine; the log says why."
    }
    await audits.make_round()
    assert await node.troubles() == {}
