"""What a node finds out about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.app import health
from tocsin.app.health import Health
from tocsin.engine.context import Context
from tocsin.settings import read_settings
from tocsin.store.database import sqlite_url
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class FarStore(Store):
    """A database on another machine, whose clock says NOW when it is asked."""

    async def read(self, query: Callable[..., object]) -> float:  # type: ignore[override]  # this one query only
        return NOW.timestamp()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Health]:
    """A node with its database elsewhere."""

    def no_link(*_: object) -> str:
        raise AssertionError("nobody is paged here")

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
